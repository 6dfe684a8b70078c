# Watches the delivered app folder, replaces files in this container, and restarts what uses them.
# shellcheck shell=sh disable=SC2034,SC2154
# The words are those of launch.sh: mode, build digest, folder for state, launcher, and the run that is in place.
here=${0%/.bb8dev/*}
mode=$1; build=$2; work=$3; launcher=$4; taken=$5
PATH=/command:/package/admin/s6/command:$PATH
# shellcheck source=/dev/null
. "$here/.bb8dev/apply.sh"
pause() { sleep 0.02; }
# The app's services that should run. What s6-overlay itself runs beside them is left alone. Version 2 of
# s6-overlay has its services in another folder than version 3.
services() {
  for at in "${BB8LIVE_SERVICES:-/run/service}" /run/s6/services /var/run/s6/services; do
    if [ -d "$at" ]; then break; fi
  done
  for each in "$at"/*; do
    case ${each##*/} in s6rc-*|s6-*|'*') continue ;; esac
    if [ "$(s6-svstat -o wantedup "$each" 2>/dev/null)" = true ]; then echo "$each"; fi
  done
}
stop_all() {
  if [ "$mode" = main ]; then
    rm -f "$work/down"; kill -USR1 "$launcher" || return 1
    tries=0
    until [ -e "$work/down" ]; do
      tries=$((tries + 1)); pause
      if [ $tries = 500 ]; then kill -USR1 "$launcher"; fi
      [ $tries -lt 600 ] || return 1
    done
    return
  fi
  for each in $ours; do s6-svc -d "$each"; done
  tries=0
  while :; do
    case $(processes) in *true*) ;; *) return 0 ;; esac
    tries=$((tries + 1)); pause
    if [ $tries = 500 ]; then for each in $ours; do s6-svc -k "$each"; done; fi
    [ $tries -lt 600 ] || return 1
  done
}
start_all() {
  if [ "$mode" = main ]; then
    kill -USR2 "$launcher" || return 1
    tries=0
    until [ -e "$work/pid" ]; do tries=$((tries + 1)); pause; [ $tries -lt 250 ] || return 1; done
    return
  fi
  for each in $ours; do s6-svc -u "$each"; done
  tries=0
  while :; do
    case $(processes) in *false*) ;; *) return 0 ;; esac
    tries=$((tries + 1)); pause
    [ $tries -lt 250 ] || return 0
  done
}
processes() {
  if [ "$mode" = main ]; then cat "$work/pid" 2>/dev/null; return; fi
  for each in $ours; do s6-svstat -o up,pid "$each"; done 2>/dev/null
}
# Whether the new processes have lived for a moment: a longer one for an app that does not report itself.
up() {
  one=$(processes)
  case $one in ''|*false*) return 1 ;; esac
  if [ "$reports" = app ]; then sleep 0.1; else sleep 0.3; fi
  [ "$one" = "$(processes)" ] || return 1
  if [ "$mode" = main ]; then kill -0 "$one" 2>/dev/null; fi
}
# One delivery. The app is down while its files are replaced: no process may begin with half of them.
take() {
  why=
  look || return
  # A new container brings it into effect.
  if [ "$way" != live ]; then taken=$run; return; fi
  if ! can_restart || ! compare; then
    moved || cannot
    return
  fi
  if ! stop_all; then why='the app could not be stopped'; start_all; cannot; return; fi
  replace
  start_all || why='the app could not be started'
  if [ -n "$why" ]; then cannot; return; fi
  taken=$run
  if up; then report; else tell "down run=$run"; fi
}
# Copies until one delivery is in place as a whole and is the newest.
replace() {
  rounds=0
  until apply && ! moved; do
    rounds=$((rounds + 1))
    if [ $rounds -gt 50 ]; then why='the delivered files could not be copied'; return; fi
    if look; then compare || return; else pause; fi
  done
}
cannot() { tell "cannot run=$run reason=$(quoted "$why")"; taken=$run; }
can_restart() {
  if [ "$mode" = main ]; then
    [ ! -e "$work/pid" ] || return 0
    why='the app does not run'; return 1
  fi
  command -v s6-svc >/dev/null 2>&1 || { why='s6-svc was not found'; return 1; }
  ours=$(services)
  [ -n "$ours" ] || { why='there is no service of s6 to restart'; return 1; }
}
report() {
  tell "up run=$run"
  [ "$reports" = app ] || echo "IDENTITY version=$version tree=$tree commit=$commit run=$run python=none live=on"
}
# At the start of the container: the app is still coming up.
announce() {
  tell "agent watch=$1"
  if [ "$taken" = built ] || ! look || [ "$run" != "$taken" ]; then return; fi
  rounds=0
  until can_restart && up; do
    rounds=$((rounds + 1)); pause
    if [ $rounds -gt 200 ] || moved; then tell "down run=$run"; return; fi
  done
  report
}
changed() { now=; read -r now _ 2>/dev/null <"$here/.bb8dev/stamp"; [ -n "$now" ] && [ "$now" != "$taken" ]; }
# A rename of the app folder shows in the folder above it. A look each second finds what shows no event.
watch_events() {
  announce inotify
  { $1 - "${here%/*}:y" 2>/dev/null & while [ -d "$work" ]; do echo; sleep 1; done; } |
    while read -r _; do if changed; then take; fi; done
}
watch_clock() {
  announce poll
  exec 9<>"$work/clock"
  while [ -d "$work" ]; do
    # shellcheck disable=SC3045
    read -r -t 0.1 _ <&9
    if changed; then take; fi
  done
}
watch_slowly() {
  announce poll
  while [ -d "$work" ]; do
    sleep 0.2
    if changed; then take; fi
  done
}
# shellcheck disable=SC3045
timed_read() { ( exec 9<>"$work/clock"; read -r -t 0.01 _ <&9; [ $? -ne 2 ] ) 2>/dev/null; }
if command -v inotifyd >/dev/null 2>&1; then watch_events inotifyd
elif busybox --list 2>/dev/null | grep -qx inotifyd; then watch_events 'busybox inotifyd'
elif mkfifo "$work/clock" 2>/dev/null && timed_read; then watch_clock
else watch_slowly; fi
