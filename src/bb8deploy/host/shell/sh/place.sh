# Answers with the facts of the host and the state of the place around the app folder.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: start facts
# `P` is the folder above the app folder: a deploy renames in it and keeps its state below it.
yes_no() { if "$@"; then echo yes; else echo no; fi; }
place() {
  say PLACE
  echo "present=$(yes_no test -d "$R")"; echo "readable=$(yes_no test -r "$R")"
  echo "parent=$(yes_no test -d "$P")"; echo "writable=$(yes_no test -w "$P")"
  echo "free_kb=$(df -Pk "$P" 2>/dev/null | awk 'NR == 2 { print $4 }')"
  for mark in swapping inplace; do [ ! -e "$W/$mark" ] || echo "mark=$mark"; done
  for old in "$W"/next.*; do [ ! -e "$old" ] || echo "mark=${old##*/}"; done
  if [ -d "$S" ]; then echo "state_writable=$(yes_no test -w "$S")"; fi
  [ -d "$L" ] || return 0
  echo "expires=$(cat "$L/expires" 2>/dev/null)"; say OWNER; cat "$L/owner" 2>/dev/null
}
{ facts; place; say END; } | together
