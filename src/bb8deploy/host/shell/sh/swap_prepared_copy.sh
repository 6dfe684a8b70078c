# Swaps in what `copy_beside` made, and lists it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes stage_and_swap
[ -d "$next" ] || fail STAGE
swap
# First, because the trees share files, which get another time when an earlier tree is removed.
clean
tree "$R" | together
