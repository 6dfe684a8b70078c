# Prints the user, the clock and the tools of the host.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
facts() {
  say FACTS
  echo "user=$(id -un 2>/dev/null)"; echo "now=$(date +%s)"
  echo "system=$(uname -sm 2>/dev/null)"
  for t in ha rsync docker python3 curl jq sudo bash tar find xargs sha256sum gzip; do
    if command -v $t >/dev/null 2>&1; then echo "tool=$t"; fi
  done
  if [ -n "${SUPERVISOR_TOKEN:-}" ]; then echo token=environment; fi
}
