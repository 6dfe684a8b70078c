# Answers with the facts of the host.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup host_facts
{ facts; say END; } | together
