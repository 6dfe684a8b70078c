# Stages a tree beside the app folder, swaps the two, and keeps the earlier trees.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup put_in_record touch_config
# With SHARE the copy has what does not change in common with the earlier tree, by hard links if the disk has
# them. Each step that starts no program is one: a busy host takes longer to start a program than to run it.
stage() {
  [ -d "$W" ] || mkdir -p "$W" || fail STAGE
  [ ! -e "$next" ] || rm -rf "$next" || fail STAGE
  if [ ! -d "$R" ]; then mkdir "$next" || fail STAGE; return; fi
  if [ "$1" = SHARE ] && cp -al "$R" "$next" 2>/dev/null; then return; fi
  [ ! -e "$next" ] || rm -rf "$next"
  cp -a "$R" "$next" || fail COPY
}
swap() {
  grep -q -F "\"$run\"" "$L/owner" 2>/dev/null || fail LOCK
  rmdir "$R" 2>/dev/null  # an empty folder is no earlier tree
  had=0; [ -e "$R" ] && had=1
  mark $had || fail SWAP
  record_put_back || { rm -f "$W/swapping"; fail SWAP; }
  trap '' HUP INT TERM PIPE
  set_aside
  if [ -e "$W/previous" ]; then mv "$W/previous" "$W/previous.old" || unswap; fi
  if [ "$had" = 1 ]; then mv "$R" "$W/previous" || unswap; fi
  if [ -e "$R" ] || ! mv "$next" "$R"; then unswap; fi
  touch_config
  set_aside
  rm -f "$W/swapping"
}
# An empty mark means 1: a full disk has room for a name, and for nothing in the file.
mark() {
  put "$W/swapping" "$1" && return 0
  if [ "$1" = 1 ] && [ -e "$W/swapping" ]; then return 0; fi
  rm -f "$W/swapping"; return 1
}
# The tree before `previous` becomes earlier.N, with N higher than any other.
set_aside() {
  [ -e "$W/previous.old" ] || return 0
  last=0
  for k in $(numbers); do [ "$k" -le "$last" ] || last=$k; done
  last=$((last + 1))
  mv "$W/previous.old" "$W/earlier.$last"
}
numbers() {
  for e in "$W"/earlier.*; do
    k=${e##*.}
    case $k in ''|*[!0-9]*) ;; *) echo "$k" ;; esac
  done
}
# Runs after the answer, because nobody waits for it. `previous` is one of the $keep trees.
clean() {
  rm -rf "$W/gone.$run"
  for k in $(numbers | sort -rn | tail -n "+$keep"); do rm -rf "$W/earlier.$k"; done
}
unswap() { putback; rm -f "$W/swapping"; fail RENAME; }
putback() {
  had=$(cat "$W/swapping" 2>/dev/null)
  if [ ! -e "$R" ] && [ "$had" != 0 ] && [ -e "$W/previous" ]; then mv "$W/previous" "$R" && back=1; fi
  if [ -e "$W/previous.old" ]; then
    if [ -e "$W/previous" ]; then set_aside; else mv "$W/previous.old" "$W/previous"; fi
  fi
}
