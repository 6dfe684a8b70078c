# Answers with a tar of the files that its input names.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
say TAR
cd "$R" && while IFS= read -r line && [ "$line" != . ]; do printf '%b\0' "$line"; done |
  xargs -0 -r tar -c -f - --
