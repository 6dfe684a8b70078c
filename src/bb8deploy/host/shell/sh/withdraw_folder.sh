# Removes the app folder, if the client confirms its listing and the folder has not changed by then.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes
# A folder that is moved gets another time of its last change.
only_content=yes
[ -d "$W" ] || mkdir -p "$W" || fail STATE
tree "$R" >"$W/withdraw.list" || fail STATE
together <"$W/withdraw.list"; seen=$(sha256sum <"$W/withdraw.list"); rm -f "$W/withdraw.list"
read -r order || exit 0
[ "$order" = REMOVE ] || exit 0
grep -q -F "\"$run\"" "$L/owner" 2>/dev/null || fail LOCK
trap '' HUP INT TERM PIPE
away=$W/withdrawn.$run
if [ -e "$away" ] || ! mv "$R" "$away"; then fail RENAME; fi
# It is hashed again where it is now: nobody edits it there by its path.
if [ "$(tree "$away" | sha256sum)" = "$seen" ] && mv "$away" "$W/gone.$run"; then
  end WITHDRAWN
  rm -rf "$W/gone.$run"
else
  [ -e "$R" ] || mv "$away" "$R"
  end STAYS
fi
