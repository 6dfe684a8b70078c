#!/bin/sh
# Starts the app and becomes it, so that a stop signal reaches it.
set -eu
exec python3 -u "$(dirname "$0")/main.py"
