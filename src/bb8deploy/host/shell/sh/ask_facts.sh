# Answers with the facts of the host.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: start facts
{ facts; say END; } | together
