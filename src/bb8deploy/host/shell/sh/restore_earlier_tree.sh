# Swaps the earlier tree $4 in, and lists it. The tree that it was copied from is then no longer kept.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes stage_and_swap
name=$4
case $name in previous|earlier.*[0-9]) ;; *) fail NO_PREVIOUS ;; esac
case $name in */*) fail NO_PREVIOUS ;; esac
[ -d "$W/$name" ] || fail NO_PREVIOUS
rm -rf "$next"; cp -a "$W/$name" "$next" || fail COPY
last=
swap
[ "$name" != previous ] || name=earlier.$last
[ ! -d "$W/$name" ] || mv "$W/$name" "$W/gone.$run"
tree "$R" | together
clean
