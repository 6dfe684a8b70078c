# Lists the app folder.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: start tree
tree "$R" | together
