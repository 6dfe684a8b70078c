#!/bin/sh
# Writes a message to the log at an interval, until it is stopped.
set -eu
# shellcheck source=text.sh
. "$(dirname "$0")/text.sh"

options=${OPTIONS_FILE:-/data/options.json}
message=$(jq -r .message "$options")
interval=$(jq -r .interval "$options")

trap 'exit 0' TERM INT
count=0
while true; do
  count=$((count + 1))
  line "$count" "$message"
  sleep "$interval" &
  wait "$!" # unlike sleep, wait ends at once when the app is stopped
done
