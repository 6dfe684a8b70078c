#!/bin/sh
# install_mermaid.sh FOLDER: installs the program that draws diagrams, from its lock. Without npm the website shows
# the text of the diagrams.
set -eu
folder=$1 here=$(dirname "$0")
if ! command -v npm >/dev/null; then
  echo "SKIPPED: diagrams reason=npm is not installed"
  exit 0
fi
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$folder"
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent
