# Starts the app of a container with the dev loop: first the delivered files, then the agent and the app.
# shellcheck shell=sh disable=SC2154
# The words are: `s6` or `main`, the digest of what the image was built from, and the app's own command line.
# Under s6, process 1 becomes /init, as without the dev loop. Else this stays process 1, so that the agent can
# have the app stopped (USR1, the second time by force) and started again (USR2).
here=${0%/.bb8dev/*}
mode=$1; build=$2; shift 2
# The image's working folder; the delivery is read in another one.
from=$(pwd)
# shellcheck source=/dev/null
. "$here/.bb8dev/apply.sh"
if ! workplace; then
  tell "cannot run=none reason=$(quoted 'no folder for temporary files can be written')"; exec "$@"
fi
ready() {
  tries=0; why=
  until look && compare && apply && ! moved; do
    tries=$((tries + 1))
    if [ -n "$why" ] || [ $tries -gt 20 ]; then
      tell "cannot run=${run:-none} reason=$(quoted "${why:-the delivered files could not be copied}")"; return 1
    fi
    sleep 0.1
  done
}
start_agent() {
  for shell in bash busybox sh; do if command -v $shell >/dev/null 2>&1; then break; fi; done
  [ "$shell" != busybox ] || shell='busybox sh'
  # shellcheck disable=SC2086
  $shell "$here/.bb8dev/agent.sh" "$mode" "$build" "$work" "$$" "$1" &
}
if ready; then first=$run; else first=built; fi
# Before the app can report itself: what it reports then is that of this container.
tell "on mode=$mode run=$first"
back() { cd "$from" 2>/dev/null || cd /; }
if [ "$mode" = s6 ]; then start_agent "$first"; back; exec "$@"; fi
held=; ending=; woken=
end_app() { kill -TERM "$child" 2>/dev/null; }
trap 'woken=1; ending=1; end_app' TERM INT HUP
trap 'woken=1; [ -z "$held" ] || kill -KILL "$child" 2>/dev/null; held=1; end_app' USR1
trap 'woken=1; held=' USR2
begin() {
  back
  "$@" &
  child=$!
  # A signal that came before this line did not reach the app.
  [ -z "$ending" ] || end_app
  echo "$child" >"$work/pid"
}
# Waits until the app has ended; `code` is its exit code. A signal ends `wait` early, and the shell may collect the
# app before the next command: its exit code is then kept for one more `wait`, which else says 127.
await_end() {
  while :; do
    woken=
    wait "$child"; code=$?
    [ -n "$woken" ] || return
    kill -0 "$child" 2>/dev/null || break
  done
  wait "$child" 2>/dev/null; late=$?
  [ $late = 127 ] || code=$late
}
finish() { rm -rf "$work"; exit "$code"; }
begin "$@"
start_agent "$first"
while :; do
  await_end
  rm -f "$work/pid"
  if [ -n "$ending" ] || [ -z "$held" ]; then finish; fi
  : >"$work/down"
  while [ -n "$held" ] && [ -z "$ending" ]; do sleep 0.02; done
  rm -f "$work/down"
  [ -z "$ending" ] || finish
  begin "$@"
done
