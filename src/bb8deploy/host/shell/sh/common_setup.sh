# Sets up what every program uses: paths, marked answers, and the failure that ends a program.
# shellcheck shell=sh disable=SC2034,SC2154
m=$1; R=$2; run=$3
if [ -L "$R" ]; then R=$(readlink -f "$R"); fi
P=${R%/*}; N=${R##*/}; S=$P/.bb8deploy; W=$S/$N; L=$S/$N.lock; next=$W/next.$run
say() { printf '\n%s %s\n' "$m" "$1"; }
end() { printf '\n%s %s\n' "$m" "$1" "$m" END; }
# Writes a line. The first try starts no program; only cat names the cause: dash says "I/O error" of a full disk.
put() { printf '%s\n' "$2" 2>/dev/null >"$1" || printf '%s\n' "$2" | cat >"$1"; }
if command -v dd >/dev/null 2>&1; then together() { dd ibs=65536 obs=1048576 2>/dev/null; }
else together() { cat; }; fi
fail() { rm -rf "$next"; end "FAIL $1"; exit 1; }
