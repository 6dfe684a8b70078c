# Reads an order, removals and a tar from its input; stages, swaps and lists the new tree.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes read_paths stage_and_swap
read -r order share || exit 0
case $order in PLAIN) z= ;; GZIP) z=-z ;; *) exit 0 ;; esac
stage "$share"
paths | ( cd "$next" && xargs -0 -r rm -rf -- ) || fail DELETE
( cd "$next" && tar -x $z -o -m -f - ) || fail UNPACK
[ "$(cat "$next/.bb8deploy.whole" 2>/dev/null)" = "$run" ] || fail TORN
rm -f "$next/.bb8deploy.whole"
swap
# A file that an earlier tree shares by a hard link gets another time when that tree is removed.
[ "$share" != SHARE ] || clean
tree "$R" | together
clean
