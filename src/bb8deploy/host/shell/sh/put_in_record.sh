# The record beside the app folder: what the Supervisor has built, or that a tree was put back.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
say_put_in() {
  for record in "$W"/back-*; do
    if [ -e "$record" ]; then say "PUT_IN back ${record##*/back-}"; return; fi
  done
  if [ -f "$W/put_in" ]; then say "PUT_IN $(head -c 256 "$W/put_in")"; fi
}
record_put_in() {
  forget_put_in
  printf '%s\n' "$1" 2>/dev/null >"$W/put_in"
}
# A tree that is put back is recorded by the name of an empty file: a full disk has room for that, and a rollback
# there must be completed too if it is killed.
record_put_back() {
  forget_put_in
  [ -n "${put_back:-}" ] || return 0
  sender=${put_back#back}
  printf '' >"$W/back-${sender# }"
}
forget_put_in() {
  for record in "$W/put_in" "$W"/back-*; do [ ! -e "$record" ] || rm -f "$record"; done
}
