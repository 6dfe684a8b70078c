# Answers with the stamp of the app folder, and with what is recorded beside it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
{ say STAMP; [ ! -f "$R/build_stamp.json" ] || head -c 4096 "$R/build_stamp.json"
  if [ -f "$W/put_in" ]; then say "PUT_IN $(head -c 256 "$W/put_in")"; fi
  say END
} | together
