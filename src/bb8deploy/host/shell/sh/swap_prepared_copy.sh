# Swaps in what `copy_beside` made, and lists it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes stage_and_swap
[ -d "$next" ] || fail STAGE
swap
tree "$R" | together
clean
