# Brings the delivered files of the dev loop to their places in this container, and proves that they are there.
# shellcheck shell=sh disable=SC2034,SC2154
# The script that sources this sets: here (the delivered app folder), build (the digest of what the image was built
# from), work (a folder that can be written). Lines of `.bb8dev/files` are TARGET, MODE, SOURCE with tabs between;
# a MODE of `=` keeps the file's own. `.bb8dev/want` has the lines of sha256sum for them.
tab=$(printf '\t'); nl='
'
# Reads the stamp of the delivery that is in `here` now. The folder is replaced as a whole: what was read after
# this `cd` is of one delivery, or is gone.
look() {
  cd / && cd "$here" 2>/dev/null || return 1
  run=; read -r run wants way reports version tree commit 2>/dev/null <.bb8dev/stamp
  [ -n "$run" ] && [ -n "$commit" ]
}
# Another delivery came since `look`.
moved() { now=; read -r now _ 2>/dev/null <"$here/.bb8dev/stamp"; [ "$now" != "$run" ]; }
# What must be done so that this container has the delivery: `todo` and `gone` are lists of places.
# Fails with `why` set if it cannot be done here.
compare() {
  [ "$wants" = "$build" ] || { why='what is built into the image changed'; return 1; }
  tr '\n' '\0' <.bb8dev/targets | xargs -0 sha256sum >"$work/have" 2>/dev/null
  grep -vxFf "$work/have" .bb8dev/want >"$work/differs"
  todo=$nl; gone=$nl; why=
  while read -r _ target; do todo=$todo$target$nl; writable "$target" || return 1; done <"$work/differs"
  while read -r target; do
    if [ -e "$target" ] || [ -L "$target" ]; then gone=$gone$target$nl; writable "$target" || return 1; fi
  done <.bb8dev/gone
}
writable() {
  if [ -d "$1" ] && [ ! -L "$1" ]; then why="$1 is a folder"; return 1; fi
  at=${1%/*}
  while [ -n "$at" ] && [ ! -e "$at" ]; do at=${at%/*}; done
  if [ -d "${at:-/}" ] && [ -w "${at:-/}" ]; then return 0; fi
  why="${at:-/} cannot be written by $(id -un 2>/dev/null || id -u)"
  return 1
}
# Carries `compare` out, then hashes what it put in place. Fails if the delivery is not in place as a whole.
apply() {
  while read -r target; do
    case $gone in *"$nl$target$nl"*) remove "$target" || return 1 ;; esac
  done <.bb8dev/gone
  while IFS=$tab read -r target rights source; do
    case $todo in *"$nl$target$nl"*) put "$source" "$target" "$rights" || return 1 ;; esac
  done <.bb8dev/files
  modes || return 1
  if [ -s "$work/differs" ]; then
    while read -r _ target; do printf '%s\0' "$target"; done <"$work/differs" | xargs -0 sha256sum >"$work/have"
    if grep -vxFf "$work/have" "$work/differs" >/dev/null; then return 1; fi
  fi
  while IFS=$tab read -r target rights source; do
    if [ "$source" = build_stamp.json ]; then put "$source" "$target" "$rights" || return 1; fi
  done <.bb8dev/files
}
# A file that is overwritten keeps its owner; its times are those of now, so that nothing older passes for it.
put() {
  [ -d "${2%/*}" ] || mkdir -p "${2%/*}" || return 1
  kept=
  if [ -f "$2" ]; then
    cp -p "$2" "$2.bb8new" || return 1
    # A user who is not root cannot write into a read-only file, even one of its own.
    if [ ! -w "$2.bb8new" ]; then kept=$(stat -c %a "$2.bb8new"); chmod u+w "$2.bb8new" || return 1; fi
  fi
  if ! cat "$1" >"$2.bb8new" || ! mv -f "$2.bb8new" "$2"; then rm -f "$2.bb8new"; return 1; fi
  compiled "$2"
  if [ "$3" != = ]; then chmod "$3" "$2"; elif [ -n "$kept" ]; then chmod "$kept" "$2"; fi
}
# A run bit alone changes no hash.
modes() {
  while IFS=$tab read -r target rights _; do
    case $rights in
      *[1357]??) [ -x "$target" ] || chmod "$rights" "$target" || return 1 ;;
      *[0246]??) if [ -x "$target" ] && [ "$(stat -c %A "$target" | cut -c4)" = x ]; then
        chmod "$rights" "$target" || return 1; fi ;;
    esac
  done <.bb8dev/files
}
remove() {
  rm -f "$1" || return 1
  compiled "$1"
  at=${1%/*}
  while [ "${at%/*}" ]; do
    rmdir "$at/__pycache__" "$at" 2>/dev/null
    [ ! -d "$at" ] || break
    at=${at%/*}
  done
}
# A compiled module of the same size and second as the earlier source would be taken for the new one's.
compiled() {
  case $1 in *.py) ;; *) return 0 ;; esac
  name=${1##*/}; name=${name%.py}
  rm -f "${1%/*}/__pycache__/$name".*.pyc "${1%/*}/$name.pyc"
}
# A folder for the state of the agent; a name that cannot be foreseen, and no other user's.
workplace() {
  for at in /run /dev/shm /tmp /var/tmp; do
    if [ -d "$at" ] && [ -w "$at" ]; then work=$(mktemp -d "$at/bb8dev.XXXXXX" 2>/dev/null) && return 0; fi
  done
  return 1
}
tell() { printf 'BB8LIVE %s\n' "$*"; }
# Strings in quotes, so that a reason is one value.
quoted() { printf '"%s"' "$(printf %s "$1" | tr '"' "'")"; }
