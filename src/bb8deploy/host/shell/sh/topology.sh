# Prints the names in the app folder and every config file beside it.
# shellcheck shell=sh
cd "$2" || exit 9
export m="$1" most="$4"
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
  names=$(ls -A "$3") && printf '\n%s NAMES\n%s\n' "$m" "$names"
  { find . \( -name '.?*' -o -name rootfs \) -prune -o \( -type f -o -type l \) \( -name config.yaml \
      -o -name config.yml -o -name config.json \) -print0; printf '%s\0' "$?"; } | xargs -0 sh -c "$each" sh
} 2>/dev/null | head -c "$5"
