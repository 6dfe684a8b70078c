"""The commands of s6 that an app's own tools use, for containers whose services process 1 runs by itself.

`s6-svc` writes its letters to the FIFO `supervise/control` of a service's folder, as the real one does, and
waits for the state that `-wu` or `-wd` names. `s6-svstat -o` prints fields. Sources: skarnet.org/software/s6,
s6-svc.html and s6-svstat.html.
"""

from __future__ import annotations

SVC = """#!/bin/sh
# Stands in for s6-svc: -w(u|d) -T MILLISECONDS -(u|d|k|t)... FOLDER.
wait=; limit=0; letters=
while [ $# -gt 1 ]; do
  case $1 in
    -w*) wait=${1#-w} ;;
    -T) limit=$2; shift ;;
    -*) letters=$letters${1#-} ;;
  esac
  shift
done
folder=$1
[ -p "$folder/supervise/control" ] || { echo "s6-svc: $folder is not supervised" >&2; exit 111; }
printf %s "$letters" >"$folder/supervise/control"
[ -n "$wait" ] || exit 0
case $wait in u) wanted=true ;; *) wanted=false ;; esac
waited=0
is_up() { up=; read -r up <"$folder/supervise/up"; [ "$up" = $wanted ]; } 2>/dev/null
until is_up; do
  sleep 0.01; waited=$((waited + 10))
  if [ "$limit" -gt 0 ] && [ $waited -ge "$limit" ]; then exit 99; fi
done
"""
SVSTAT = """#!/bin/sh
# Stands in for s6-svstat: -o FIELD[,FIELD...] FOLDER, with up, wantedup and pid.
[ "$1" = -o ] || { echo "s6-svstat: only -o is supported" >&2; exit 100; }
line=; IFS=,
for field in $2; do value=; read -r value <"$3/supervise/$field"; line="$line $value"; done 2>/dev/null
printf '%s\\n' "${line# }"
"""
INIT = """#!/bin/sh
# Stands in for s6-overlay's /init: has the services started, then becomes the command, if there is one.
echo start >/run/s6/sandbox.control
[ $# -gt 0 ] || set -- sleep infinity
exec "$@"
"""
CONTENV = """#!/bin/sh
# Stands in for with-contenv; bashio is bash with a library, which this machine may not have.
if [ "$1" = bashio ] && ! command -v bashio >/dev/null; then
  shift
  echo "bashio is not on this machine, so bash runs $1 without its functions"
  exec bash -euo pipefail "$@"
fi
exec "$@"
"""
TOOLS = {"s6-svc": SVC, "s6-svstat": SVSTAT, "with-contenv": CONTENV}
