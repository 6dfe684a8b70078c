# Makes the config file the newest file below the Supervisor's local root.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup find_local_root
# The Supervisor reads local apps again only if the newest time below its local root has changed. A file whose
# time is ahead of the clock, such as one from a PC, would hide every change that is older.
touch_config() {
  for c in config.yaml config.yml config.json; do
    if [ -f "$R/$c" ]; then touch "$R/$c"; ahead "$R/$c"; fi
  done
}
ahead() {
  local_root
  newest=$(date +%s)
  t=$(find "$root" -newer "$1" -print0 2>/dev/null | xargs -0 -r stat -c %Y 2>/dev/null | sort -n | tail -n 1)
  case $t in ''|*[!0-9]*) ;; *) [ "$t" -le "$newest" ] || newest=$t ;; esac
  touch -d "@$((newest + 1))" "$1" 2>/dev/null
}
