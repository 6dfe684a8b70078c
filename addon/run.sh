#!/usr/bin/env bash
# Starts the BB-8 bridge. In the container s6 calls it; outside of one, set VIRTUAL_ENV (a venv with
# requirements.txt), BB8_APP (the folder that holds bb8_core), BB8_OPTIONS and BB8_DATA.
set -euo pipefail

app="${BB8_APP:-/usr/src/app}"
export PYTHONPATH="${app}${PYTHONPATH:+:${PYTHONPATH}}"
export PYTHONUNBUFFERED=1
# As python -P: the working directory, a writable folder of /run, is not searched for modules.
export PYTHONSAFEPATH=1
# The image holds the compiled modules; the AppArmor profile refuses to write others.
export PYTHONDONTWRITEBYTECODE=1

exec "${VIRTUAL_ENV:-/opt/venv}/bin/python" -m bb8_core.main
