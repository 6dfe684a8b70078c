# Answers with the name and the stamp of each earlier tree, the newest first.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup stage_and_swap
{
  for e in previous $(numbers | sort -rn); do
    [ "$e" = previous ] || e=earlier.$e
    [ -d "$W/$e" ] || continue
    say "KEPT $e"
    [ ! -f "$W/$e/build_stamp.json" ] || head -c 4096 "$W/$e/build_stamp.json"
  done
  say END
} | together
