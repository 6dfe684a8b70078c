# Answers with the stamp of the app folder, and with what is recorded beside it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup put_in_record
{ say STAMP; [ ! -f "$R/build_stamp.json" ] || head -c 4096 "$R/build_stamp.json"
  say_put_in
  say END
} | together
