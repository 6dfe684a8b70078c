# Puts right what a killed run left behind.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup stage_and_swap
# A folder whose removal was interrupted goes back; if there is another one by now, it is kept as an earlier tree.
bring_back() {
  [ -e "$1" ] || return 0
  if [ ! -e "$R" ]; then mv "$1" "$R" || fail RENAME; touch_config; return; fi
  mv "$1" "$W/previous.old" || fail RENAME
  set_aside
}
recover() {
  back=0
  if [ -e "$W/swapping" ]; then
    putback; rm -f "$W/swapping"
    touch_config
  fi
  if [ -e "$W/inplace" ] && [ -d "$W/previous" ]; then
    rm -rf "$next" "$W/torn"
    cp -a "$W/previous" "$next" || fail COPY
    if [ -e "$R" ]; then mv "$R" "$W/torn" || fail RENAME; fi
    mv "$next" "$R" || fail RENAME
    touch_config
    rm -f "$W/inplace"; rm -rf "$W/torn"; back=1
  fi
  for old in "$W"/withdrawn.*; do bring_back "$old"; done
  for old in "$W"/next.* "$W"/live.*; do [ ! -e "$old" ] || rm -rf "$old"; done
  [ $back = 0 ] || say RESTORED
}
