# Answers with up to $5 bytes of the file $4.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
{ say FILE; if [ -f "$4" ]; then head -c "$5" "$4"; else say ABSENT; fi; say END; } | together
