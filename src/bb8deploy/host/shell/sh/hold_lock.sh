# Holds the lock for as long as its input stays open; appends receipts and records that are sent to it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes put_in_record recover_after_kill host_facts folder_surroundings
owner=$4; lease=$5; receipt=$6; dead=$7; now=$(date +%s)
# The release of any lock here may remove the state folder, if that is empty, between the two mkdir or within the
# first one. Then it is made again. Any other cause is final, and is printed.
take() {
  tries=9
  until why=$({ LC_ALL=C mkdir -p "$S" && LC_ALL=C mkdir "$L"; } 2>&1); do
    [ ! -e "$L" ] || return 1
    case $tries:$why in [1-9]*"No such file"*|[1-9]*"File exists"*) tries=$((tries - 1)); continue ;; esac
    printf '%s\n' "$why" >&2; fail STATE
  done
  if put "$L/owner" "$owner" && put "$L/expires" $((now + lease)); then return 0; fi
  rm -rf "$L"; fail STATE
}
stale() {
  if [ -n "$dead" ] && [ "$was" = "$dead" ]; then return 0; fi
  until=$(cat "$1/expires" 2>/dev/null)
  case $until in
    ''|*[!0-9]*) [ -n "$(find "$1" -maxdepth 0 -mmin +2 2>/dev/null)" ] ;;
    *) [ "$now" -gt "$until" ] ;;
  esac
}
# A killed take-over leaves the lock that it had moved away. It goes if its owner is gone, and only what is a lock.
drop_moved_locks() {
  for old in "$L".*; do
    case $old in *.lock) continue ;; esac
    if [ ! -d "$old" ] || [ -L "$old" ]; then continue; fi
    for part in "$old"/* "$old"/.[!.]*; do
      case ${part##*/} in owner|expires|last|listed|'*'|'.[!.]*') ;; *) continue 2 ;; esac
    done
    was=$(cat "$old/owner" 2>/dev/null)
    if stale "$old"; then rm -f "$old/owner" "$old/expires" "$old/last" "$old/listed"; rmdir "$old"; fi
  done
}
held() {
  say HELD; printf '%s\n' "$was"
  say EXPIRES; cat "$L/expires" 2>/dev/null
  say NOW; echo "$now"
  say END; exit 0
}
release() {
  [ "$(cat "$L/owner" 2>/dev/null)" = "$owner" ] || return 0
  rm -rf "$L"
  # After a refusal or a removal it is empty, unless another app has something there.
  [ -e "$W" ] || rmdir "$S" 2>/dev/null || :
}
if ! take; then
  was=$(cat "$L/owner" 2>/dev/null)
  stale "$L" || held
  if ! mv "$L" "$L.$run"; then
    [ ! -e "$L" ] || [ "$(cat "$L/owner" 2>/dev/null)" != "$was" ] || fail STATE
    held
  fi
  if [ "$(cat "$L.$run/owner" 2>/dev/null)" != "$was" ]; then mv "$L.$run" "$L"; held; fi
  rm -rf "$L.$run"
  take || held
  say OVER; printf '%s\n' "$was"
fi
trap 'release; exit 0' HUP INT TERM PIPE
recover
{ facts; place; tree "$R"; } | together
{ rm -rf "$W"/gone.*; drop_moved_locks; } >/dev/null 2>&1 &
while IFS= read -r line; do
  case $line in
    +*) text=${line#+}
        mkdir -p "${receipt%/*}" 2>/dev/null
        if printf '%s\n' "$text" >> "$receipt"; then :; else bad=1; fi ;;
    # The run whose delivery was put in. Nobody waits for it: without it the next deploy builds once more.
    =*) record_put_in "${line#=}" ;;
    .) if [ "${bad:-0}" = 0 ]; then end KEPT; else end LOST; fi; bad=0 ;;
    *) break ;;
  esac
done
release
