# Reads paths from the input up to a line with a dot, and ends each with a null byte.
# shellcheck shell=sh disable=SC2034,SC2154
paths() { while IFS= read -r line && [ "$line" != . ]; do printf '%b\0' "$line"; done; }
