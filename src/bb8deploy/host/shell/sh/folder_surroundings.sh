# Prints the state of the place around the app folder: rights, space, traces of a killed run, files ahead.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup find_local_root
# `P` is the folder above the app folder: a deploy renames in it and keeps its state below it.
yes_no() { if "$@"; then echo yes; else echo no; fi; }
place() {
  say PLACE
  echo "present=$(yes_no test -d "$R")"; echo "readable=$(yes_no test -r "$R")"
  echo "dev=$(yes_no test -e "$R/.bb8dev/stamp")"
  echo "parent=$(yes_no test -d "$P")"; echo "writable=$(yes_no test -w "$P")"
  echo "free_kb=$(df -Pk "$P" 2>/dev/null | awk 'NR == 2 { print $4 }')"
  for mark in swapping inplace; do [ ! -e "$W/$mark" ] || echo "mark=$mark"; done
  for old in "$W"/next.*; do [ ! -e "$old" ] || echo "mark=${old##*/}"; done
  if [ -d "$S" ]; then echo "state_writable=$(yes_no test -w "$S")"; fi
  local_root
  # `-mmin -0` finds what was changed less than zero minutes ago, so in the future. A deploy gives the app's own
  # config file a time beyond that of such a file, so it does not count.
  newest=$(find "$root" -name .bb8deploy -prune -o -type f -mmin -0 ! -path "$R/config.*" -print0 2>/dev/null |
    xargs -0 -r stat -c '%Y %n' 2>/dev/null | sort -n | tail -n 1)
  [ -z "$newest" ] || echo "newest=$newest"
}
