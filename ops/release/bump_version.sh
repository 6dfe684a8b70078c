#!/bin/sh
# The procedure's bump at its old path: validates, moves the version and commits; `bb8deploy release --resume`
# takes it on from there. Usage: bump_version.sh [patch|date|VERSION] [OPTIONS]
set -eu
cd "$(dirname "$0")/../.."
PATH="$PWD/.venv/bin:$PATH"
[ "$#" -gt 0 ] || set -- patch
exec "${BB8DEPLOY:-bb8deploy}" release "$@" --until bump
