# Prints the names in the app folder $2 and every config file below the Supervisor's local root.
# shellcheck shell=sh disable=SC2154
# needs: find_local_root
export m="$1" most="$3"
R=$2
if [ -L "$R" ]; then R=$(readlink -f "$R"); fi
local_root
cd "$root" || exit 9
# The Supervisor takes every config file at any depth for an app, but not below dot folders and `rootfs`. The
# status of `find` goes through the pipe after the names: an answer that was cut off has no END line.
# shellcheck disable=SC2016
each='for f do case $f in
  ./*) printf "\n%s FILE\n%s\0" "$m" "$f"
    [ -f "$f" ] && [ "$(wc -c <"$f")" -le "$most" ] && cat "$f" || printf "\n%s LOST\n%s" "$m" "$f" ;;
  *) printf "\n%s END %s\n" "$m" "$f" ;;
esac; done'
{
  printf '\nTOPOLOGY %s\n' "$m"
  names=$([ ! -e "$R" ] || ls -A "$R") && printf '\n%s OWN\n%s\n\n%s NAMES\n%s\n' "$m" "${R#"$root"/}" "$m" "$names"
  { find . \( -name '.?*' -o -name rootfs \) -prune -o \( -type f -o -type l \) \( -name config.yaml \
      -o -name config.yml -o -name config.json \) -print0; printf '%s\0' "$?"; } | xargs -0 sh -c "$each" sh
} 2>/dev/null | head -c "$4"
