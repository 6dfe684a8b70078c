# Answers with a tar of the files that its input names.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup read_paths
say TAR
cd "$R" && paths | xargs -0 -r tar -c -f - --
