# Appends its input to the receipt.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
receipt=$4
if mkdir -p "${receipt%/*}" && cat >> "$receipt"; then end KEPT; else end LOST; fi
