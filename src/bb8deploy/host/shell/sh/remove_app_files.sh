# Lists the app folder and the earlier trees; at the line REMOVE it removes them, if they are as listed.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes stage_and_swap
everything() {
  tree "$R"
  for e in previous $(numbers | sort -rn); do
    [ "$e" = previous ] || e=earlier.$e
    [ -d "$W/$e" ] || continue
    say "EARLIER $e"; list "$W/$e"; say END
  done
  end LAST
}
everything >"$L/listed" || fail STATE
together <"$L/listed"
read -r order || exit 0
[ "$order" = REMOVE ] || exit 0
grep -q -F "\"$run\"" "$L/owner" 2>/dev/null || fail LOCK
content() { ( only_content=yes; tree "$1" ) | sha256sum; }
seen=$(content "$R")
everything | cmp -s - "$L/listed" || fail MOVED
trap '' HUP INT TERM PIPE
# The renames come first: what is interrupted after them is no app folder and no earlier tree any more.
gone=$S/.gone.$N
mkdir -p "$W" || fail STATE
if [ -e "$R" ]; then
  away=$W/withdrawn.$run
  if [ -e "$away" ] || ! mv "$R" "$away"; then fail RENAME; fi
  # It is hashed again where it is now: nobody edits it there by its path.
  if [ "$(content "$away")" != "$seen" ]; then [ -e "$R" ] || mv "$away" "$R"; fail MOVED; fi
  mv "$away" "$W/gone.$run" || fail RENAME
fi
if [ -L "$2" ]; then rm -f "$2"; fi
mv "$W" "$gone.$run" || fail STATE
rm -rf "$gone".* || fail STATE
{ [ ! -e "$W" ] || say LEFT; tree "$R"; } | together
