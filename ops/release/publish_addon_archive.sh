#!/bin/sh
# Lane 4 at the path that the procedure names.
set -eu
cd "$(dirname "$0")/../.."
PATH="$PWD/.venv/bin:$PATH"
exec "${BB8DEPLOY:-bb8deploy}" publish "$@"
