# Lists the earlier tree $4 and the app folder; at the order DROP or KEEP it swaps that tree in, and lists it.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup list_with_hashes read_paths stage_and_swap
# After the order comes what is recorded of this tree; then the paths that stay out of the app folder, and those
# that come from the present one. With DROP, the tree that was copied is no longer kept.
name=$4
case $name in previous|earlier.*[0-9]) ;; *) fail NO_PREVIOUS ;; esac
case $name in */*) fail NO_PREVIOUS ;; esac
[ -d "$W/$name" ] || fail NO_PREVIOUS
# A full disk has no room for a copy. Then the tree itself is moved, to a name from which the next command brings
# it back if this one is killed; with DROP it has nothing that must stay out of the app folder.
take_it() {
  [ "$order" = DROP ] || fail COPY
  rm -rf "$next"; next=$W/withdrawn.$run
  fail() {
    if [ -e "$next" ] && [ ! -e "$W/$name" ]; then mv "$next" "$W/$name"; fi
    end "FAIL $1"; exit 1
  }
  mv "$W/$name" "$next" || fail RENAME
}
( only_content=yes; tree "$W/$name"; tree "$R" ) | together
read -r order put_back || exit 0
case $order in DROP|KEEP) ;; *) exit 0 ;; esac
rm -rf "$next"; cp -a "$W/$name" "$next" || take_it
paths | ( cd "$next" && xargs -0 -r rm -rf -- ) || fail DELETE
if [ -d "$R" ]; then
  # shellcheck disable=SC2016
  paths | ( cd "$R" && to=$next xargs -0 -r sh -c 'for f do
    if [ -e "$f" ] || [ -L "$f" ]; then mkdir -p "$to/${f%/*}" && cp -a "$f" "$to/$f" || exit 255; fi
  done' sh ) || fail COPY
fi
last=
swap
if [ "$order" = DROP ]; then
  [ "$name" != previous ] || name=earlier.$last
  [ ! -d "$W/$name" ] || mv "$W/$name" "$W/gone.$run"
fi
tree "$R" | together
clean
