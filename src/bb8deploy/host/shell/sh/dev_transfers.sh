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
listed() { tree "$R" >"$W/live.list.$m"; together <"$W/live.list.$m"; seen=$(sha256sum <"$W/live.list.$m"); }
# The trees of the dev loop itself are not kept: the earlier trees stay those of deploys.
swap_live() {
  if [ "$keep_it" = KEEP ] || [ ! -d "$R/.bb8dev" ] || [ ! -d "$W/previous" ]; then swap; return; fi
  echo 1 >"$W/swapping" || fail SWAP
  mv "$R" "$W/gone.$run" || unswap
  if [ -e "$R" ] || ! mv "$next" "$R"; then
    [ -e "$R" ] || mv "$W/gone.$run" "$R"
    rm -f "$W/swapping"; fail RENAME
  fi
  rm -f "$W/swapping"
}
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
  listed
  rm -rf "$W/gone.$run"
  renew
done
