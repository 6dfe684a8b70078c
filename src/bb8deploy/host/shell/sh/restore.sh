# Swaps the earlier tree in, and lists it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: start tree swap
[ -d "$W/previous" ] || fail NO_PREVIOUS
rm -rf "$next"; cp -a "$W/previous" "$next" || fail COPY
swap
tree "$R" | together
clean
