#!/bin/sh
# Lane 1 at the path that the procedure names: structure and tokens.
set -eu
cd "$(dirname "$0")/../.."
PATH="$PWD/.venv/bin:$PATH"
exec "${BB8DEPLOY:-bb8deploy}" validate "$@"
