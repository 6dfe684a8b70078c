#!/bin/sh
# Resolves all dependencies into the hashed locks, each for every Python and platform at once.
set -eu
cd "$(dirname "$0")/.."
uv=$PWD/.venv/bin/uv
export UV_CUSTOM_COMPILE_COMMAND="make lock"

lock() {
  "$uv" pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --quiet "$@"
}

lock pyproject.toml --extra demo --group build --output-file requirements.lock
lock pyproject.toml --extra mcp --group build --constraint requirements.lock --output-file requirements-mcp.lock
lock pyproject.toml --extra demo --extra mcp --group build --group dev \
  --constraint requirements.lock --constraint requirements-mcp.lock --output-file requirements-dev.lock
lock --group site --constraint requirements-dev.lock --output-file requirements-site.lock
(cd addon && lock requirements.in --output-file requirements.txt)
(cd tests/addon &&
  lock requirements.in --constraint ../../addon/requirements.txt --constraint ../../requirements.lock --output-file requirements.txt)
(cd src/bb8deploy/lanes/demo/sample/tests &&
  lock requirements.in --constraint ../../../../../../tests/addon/requirements.txt --output-file requirements.txt)

# The tests of a new app are its author's, who has no `make lock`.
export UV_CUSTOM_COMPILE_COMMAND="uv pip compile --universal --generate-hashes requirements.in"
(cd src/bb8deploy/lanes/new/template/common/tests &&
  lock requirements.in --no-annotate --constraint ../../../../../../../tests/addon/requirements.txt --output-file requirements.txt)
