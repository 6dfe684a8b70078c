# Answers with what is recorded beside the app folder, if anything is.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
say_put_in() {
  for record in "$W"/back-*; do
    if [ -e "$record" ]; then say "PUT_IN back ${record##*/back-}"; return; fi
  done
  if [ -f "$W/put_in" ]; then say "PUT_IN $(head -c 256 "$W/put_in")"; fi
}
