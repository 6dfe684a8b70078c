# Takes one transfer after the other while its input stays open, and lists the app folder after each.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes stage_and_swap
# An order is PING, or PLAIN or GZIP with COPY or SHARE, the bytes of the tar, and KEEP or DROP; then
# come removals and the tar.
# $4 is how many seconds the lock is held beyond each order.
lease=$4
# Answers are compared. A tree that is removed after one shares files with the one that is listed, and these get
# another time.
only_content=yes
# The same run may have connected again: then the program of its lost connection does nothing any more.
next=$next.$m
mine() { grep -q -F "\"$run\"" "$L/owner" 2>/dev/null && [ "$(cat "$W/live.mark" 2>/dev/null)" = "$m" ]; }
renew() { mine && echo $(($(date +%s) + lease)) >"$L/expires"; }
# The listing is kept, so that an answer and the look before the next order need one hash each.
listed() { tree "$R" >"$W/live.list.$m"; answer; }
answer() { together <"$W/live.list.$m"; seen=$(sha256sum <"$W/live.list.$m"); }
# The trees of the dev loop itself are not kept: the earlier trees stay those of deploys. Such a tree has the name
# of a removed folder until it was hashed again: what a killed program left of that goes back or becomes an earlier
# tree, and so `swapping` is 0, which leaves `previous` alone.
swap_live() {
  away=$W/withdrawn.$run; kept=
  if [ "$keep_it" = KEEP ] || [ ! -d "$R/.bb8dev" ] || [ ! -d "$W/previous" ] || [ -e "$away" ]; then
    swap; listed; return
  fi
  made=$(tree "$next" | sha256sum)
  mark 0 || fail SWAP
  mv "$R" "$away" || { rm -f "$W/swapping"; fail RENAME; }
  if [ -e "$R" ] || ! mv "$next" "$R"; then undo_live RENAME; fi
  # An edit since the look before the swap is in what was taken away.
  tree "$away" | sha256sum >"$W/live.before.$m" &
  tree "$R" >"$W/live.list.$m"
  wait
  if [ "$(cat "$W/live.before.$m")" != "$seen" ]; then take_out; undo_live "MOVED $kept"; fi
  rm -f "$W/swapping"
  answer
  rm -rf "$away"
}
# An edit of the new tree is kept too: then that tree becomes an earlier one.
take_out() {
  set_aside
  mv "$R" "$W/previous.old" || fail RENAME
  if [ "$(tree "$W/previous.old" | sha256sum)" = "$made" ]; then mv "$W/previous.old" "$next"; return; fi
  set_aside; kept=earlier.$last
}
undo_live() { [ -e "$R" ] || mv "$away" "$R"; rm -f "$W/swapping"; fail "$1"; }
mkdir -p "$W" || fail STATE
echo "$m" >"$W/live.mark" || fail STATE
listed
while read -r order share size keep_it; do
  case $order in
    PING) if renew; then end HELD; else end LOST; fi; continue ;;
    PLAIN) z=x ;;
    GZIP) z=xz ;;
    *) exit 0 ;;
  esac
  # The look before the swap costs no time of its own: it runs while the new tree is made.
  tree "$R" | sha256sum >"$W/live.before.$m" &
  stage "$share"
  while IFS= read -r line && [ "$line" != . ]; do printf '%b\0' "$line"; done |
    ( cd "$next" && xargs -0 -r rm -rf -- ) || fail DELETE
  ( cd "$next" && head -c "$size" | tar -"$z" -o -m -f - ) || fail UNPACK
  [ "$(cat "$next/.bb8deploy.whole" 2>/dev/null)" = "$run" ] || fail TORN
  rm -f "$next/.bb8deploy.whole"
  wait
  [ "$(cat "$W/live.before.$m")" = "$seen" ] || fail MOVED
  mine || fail LOCK
  swap_live
  renew
done
