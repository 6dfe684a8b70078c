# Swaps in what `stage` made, and lists it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: start tree swap
[ -d "$next" ] || fail STAGE
swap
tree "$R" | together
clean
