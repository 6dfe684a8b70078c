# Lists the app folder.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes
tree "$R" | together
