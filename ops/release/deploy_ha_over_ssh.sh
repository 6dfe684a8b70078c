#!/bin/sh
# Lanes 2 and 3 at the path that the procedure names. Usage: deploy_ha_over_ssh.sh [diagnose] [OPTIONS]
set -eu
cd "$(dirname "$0")/../.."
PATH="$PWD/.venv/bin:$PATH"
if [ "${1:-}" = diagnose ]; then
    shift
    exec "${BB8DEPLOY:-bb8deploy}" diagnose "$@"
fi
exec "${BB8DEPLOY:-bb8deploy}" deploy "$@"
