"""The shell programs that run on the host: POSIX sh, and of tools only what busybox has.

Each begins its answer with a line that holds a random mark, so that banners and rc files cannot be taken
for it. Answers of many small writes go through `together`: sshd leaves Nagle's algorithm on for commands,
and a second small packet would wait a round trip for the first one's receipt.

State lies beside the runtime folder in `.bb8deploy/<name>/`: `next.<run>` is a tree in the making,
`previous` the earlier tree, `previous.old` the one before it while a swap is under way, and `swapping`
stands there for exactly as long as a swap is; it holds 1 where a runtime folder was there before.
"""

from __future__ import annotations

# The Supervisor notices a changed add-on by the time of its config file alone, so that is touched last.
START = r"""
m=$1; R=$2; run=$3
if [ -L "$R" ]; then R=$(readlink -f "$R"); fi
P=${R%/*}; N=${R##*/}; S=$P/.bb8deploy; W=$S/$N; L=$S/$N.lock; next=$W/next.$run
say() { printf '\n%s %s\n' "$m" "$1"; }
end() { printf '\n%s %s\n' "$m" "$1" "$m" END; }
if command -v dd >/dev/null 2>&1; then together() { dd ibs=65536 obs=1048576 2>/dev/null; }
else together() { cat; }; fi
touch_config() {
  for c in config.yaml config.yml config.json; do [ ! -f "$R/$c" ] || touch "$R/$c"; done
}
fail() { rm -rf "$next"; end "FAIL $1"; exit 1; }
"""

# One pass names everything while the hashing goes on: a plain file once, a runnable one twice, a folder
# three times, a link four times, anything else five times. A file without a hash is missed by its name.
TREE = r"""
if command -v openssl >/dev/null 2>&1; then hasher='openssl dgst -r -sha256'; else hasher=sha256sum; fi
tree() { say TREE; list "$1"; say END; }
list() {
  if [ ! -d "$1" ]; then say ABSENT; return; fi
  ( cd "$1" || exit 1
    find . -type f -print0 | xargs -0 -r $hasher | {
      say NAMES
      find . -print0 \( -type f ! -perm -100 -o -print0 \( -type f -o -print0 \( -type d -o \
        -print0 \( -type l -o -print0 \) \) \) \) || exit 1
      say TARGETS; find . -type l -exec sh -c 'printf "%s\0" "$(readlink "$1")"' sh {} \; || exit 1
      say STAMP; [ ! -f build_stamp.json ] || head -c 4096 build_stamp.json || exit 1
      say HASHES; cat
      say WHOLE
    }
  )
}
"""

# With SHARE the copy has what does not change in common with the earlier tree, by hard links where there are
# any. Each step that starts no program is one: a busy host takes longer to start one than to run it.
SWAP = r"""
stage() {
  [ -d "$W" ] || mkdir -p "$W" || fail STAGE
  [ ! -e "$next" ] || rm -rf "$next" || fail STAGE
  if [ ! -d "$R" ]; then mkdir "$next" || fail STAGE; return; fi
  if [ "$1" = SHARE ] && cp -al "$R" "$next" 2>/dev/null; then return; fi
  [ ! -e "$next" ] || rm -rf "$next"
  cp -a "$R" "$next" || fail COPY
}
swap() {
  grep -q -F "\"$run\"" "$L/owner" 2>/dev/null || fail LOCK
  had=0; [ -e "$R" ] && had=1
  echo $had > "$W/swapping" || fail SWAP
  trap '' HUP INT TERM PIPE
  [ ! -e "$W/previous.old" ] || rm -rf "$W/previous.old"
  if [ -e "$W/previous" ]; then mv "$W/previous" "$W/previous.old" || unswap; fi
  if [ $had = 1 ]; then mv "$R" "$W/previous" || unswap; fi
  [ ! -e "$R" ] && mv "$next" "$R" || unswap
  touch_config
  [ ! -e "$W/previous.old" ] || mv "$W/previous.old" "$W/gone.$run"
  rm -f "$W/swapping"
}
# What takes its time and matters to nobody comes after the answer.
clean() { rm -rf "$W/gone.$run"; }
unswap() { putback; rm -f "$W/swapping"; fail RENAME; }
putback() {
  had=$(cat "$W/swapping" 2>/dev/null)
  if [ ! -e "$R" ] && [ "$had" = 1 ] && [ -e "$W/previous" ]; then mv "$W/previous" "$R" && back=1; fi
  if [ -e "$W/previous.old" ]; then
    if [ -e "$W/previous" ]; then rm -rf "$W/previous.old"; else mv "$W/previous.old" "$W/previous"; fi
  fi
}
"""

RECOVER = r"""
recover() {
  back=0
  if [ -e "$W/swapping" ]; then
    putback; rm -f "$W/swapping"
    touch_config
  fi
  if [ -e "$W/inplace" ] && [ -d "$W/previous" ]; then
    rm -rf "$next" "$W/torn"
    cp -a "$W/previous" "$next" || fail COPY
    if [ -e "$R" ]; then mv "$R" "$W/torn" || fail RENAME; fi
    mv "$next" "$R" || fail RENAME
    touch_config
    rm -f "$W/inplace"; rm -rf "$W/torn"; back=1
  fi
  for old in "$W"/next.*; do [ ! -e "$old" ] || rm -rf "$old"; done
  [ $back = 0 ] || say RESTORED
}
"""

FACTS = r"""
facts() {
  say FACTS
  echo "user=$(id -un 2>/dev/null)"; echo "uid=$(id -u 2>/dev/null)"; echo "now=$(date +%s)"
  echo "system=$(uname -sm 2>/dev/null)"
  for t in ha rsync docker python3 curl jq sudo bash tar find xargs sha256sum gzip; do
    if command -v $t >/dev/null 2>&1; then echo "tool=$t"; fi
  done
  if [ -n "${SUPERVISOR_TOKEN:-}" ]; then echo token=environment; fi
}
"""

ASK_FACTS = r"""
{ facts; say END; } | together
"""

APPLY = r"""
read -r order share || exit 0
case $order in PLAIN) z= ;; GZIP) z=-z ;; *) exit 0 ;; esac
stage "$share"
while IFS= read -r line && [ "$line" != . ]; do printf '%b\0' "$line"; done |
  ( cd "$next" && xargs -0 -r rm -rf -- ) || fail DELETE
( cd "$next" && tar -x $z -o -m -f - ) || fail UNPACK
[ "$(cat "$next/.bb8deploy.whole" 2>/dev/null)" = "$run" ] || fail TORN
rm -f "$next/.bb8deploy.whole"
swap
tree "$R" | together
clean
"""

LOOK = r"""
tree "$R" | together
"""

STAGE = r"""
stage SHARE
end "STAGED $next"
"""

SWAP_STAGED = r"""
[ -d "$next" ] || fail STAGE
swap
tree "$R" | together
clean
"""

RESTORE = r"""
[ -d "$W/previous" ] || fail NO_PREVIOUS
rm -rf "$next"; cp -a "$W/previous" "$next" || fail COPY
swap
tree "$R" | together
clean
"""

LOOK_BACK = r"""
stamp=$W/previous/build_stamp.json; now=$R/$4; was=$W/previous/$4
{ say STAMP; [ ! -f "$stamp" ] || head -c 4096 "$stamp"
  if [ ! -e "$now" ] && [ ! -e "$was" ] || cmp -s "$now" "$was"; then say SAME; fi
  say END
} | together
"""

FETCH = r"""
say TAR
cd "$R" && while IFS= read -r line && [ "$line" != . ]; do printf '%b\0' "$line"; done |
  xargs -0 -r tar -c -f - --
"""

LOCK = r"""
owner=$4; lease=$5; receipt=$6; dead=$7; now=$(date +%s)
take() {
  mkdir "$L" 2>/dev/null || return 1
  if printf '%s\n' "$owner" > "$L/owner" && echo $((now + lease)) > "$L/expires"; then return 0; fi
  rm -rf "$L"; fail STATE
}
stale() {
  if [ -n "$dead" ] && [ "$was" = "$dead" ]; then return 0; fi
  until=$(cat "$L/expires" 2>/dev/null)
  case $until in
    ''|*[!0-9]*) [ -n "$(find "$L" -maxdepth 0 -mmin +2 2>/dev/null)" ] ;;
    *) [ "$now" -gt "$until" ] ;;
  esac
}
held() { say HELD; printf '%s\n' "$was"; say END; exit 0; }
release() { if [ "$(cat "$L/owner" 2>/dev/null)" = "$owner" ]; then rm -rf "$L"; fi; }
mkdir -p "$S" || fail STATE
if ! take; then
  was=$(cat "$L/owner" 2>/dev/null)
  stale || held
  mv "$L" "$L.$run" 2>/dev/null || held
  if [ "$(cat "$L.$run/owner" 2>/dev/null)" != "$was" ]; then mv "$L.$run" "$L"; held; fi
  rm -rf "$L.$run"
  take || held
  say OVER; printf '%s\n' "$was"
fi
trap 'release; exit 0' HUP INT TERM PIPE
recover
{ facts; tree "$R"; } | together
rm -rf "$W"/gone.* </dev/null >/dev/null 2>&1 &
while IFS= read -r line; do
  case $line in
    +*) text=${line#+}
        mkdir -p "${receipt%/*}" 2>/dev/null
        if printf '%s\n' "$text" >> "$receipt"; then :; else bad=1; fi ;;
    .) if [ "${bad:-0}" = 0 ]; then end KEPT; else end LOST; fi; bad=0 ;;
    *) break ;;
  esac
done
release
"""

RECEIPT = r"""
receipt=$4
mkdir -p "${receipt%/*}" && cat >> "$receipt" && end KEPT || end LOST
"""

READ = r"""
{ say FILE; if [ -f "$4" ]; then head -c "$5" "$4"; else say ABSENT; fi; say END; } | together
"""
