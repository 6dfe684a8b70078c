# Answers with the stamp of the earlier tree, and whether the file $4 is the same in both.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
stamp=$W/previous/build_stamp.json; now=$R/$4; was=$W/previous/$4
{ say STAMP; [ ! -f "$stamp" ] || head -c 4096 "$stamp"
  if [ ! -e "$now" ] && [ ! -e "$was" ] || cmp -s "$now" "$was"; then say SAME; fi
  say END
} | together
