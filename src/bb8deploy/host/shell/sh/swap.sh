# Stages a tree beside the app folder and swaps the two.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: start
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
  had=0; [ -e "$R" ] && had=1
  echo $had > "$W/swapping" || fail SWAP
  trap '' HUP INT TERM PIPE
  [ ! -e "$W/previous.old" ] || rm -rf "$W/previous.old"
  if [ -e "$W/previous" ]; then mv "$W/previous" "$W/previous.old" || unswap; fi
  if [ "$had" = 1 ]; then mv "$R" "$W/previous" || unswap; fi
  if [ -e "$R" ] || ! mv "$next" "$R"; then unswap; fi
  touch_config
  [ ! -e "$W/previous.old" ] || mv "$W/previous.old" "$W/gone.$run"
  rm -f "$W/swapping"
}
# Runs after the answer, because nobody waits for it.
clean() { rm -rf "$W/gone.$run"; }
unswap() { putback; rm -f "$W/swapping"; fail RENAME; }
putback() {
  had=$(cat "$W/swapping" 2>/dev/null)
  if [ ! -e "$R" ] && [ "$had" = 1 ] && [ -e "$W/previous" ]; then mv "$W/previous" "$R" && back=1; fi
  if [ -e "$W/previous.old" ]; then
    if [ -e "$W/previous" ]; then rm -rf "$W/previous.old"; else mv "$W/previous.old" "$W/previous"; fi
  fi
}
