#!/bin/sh
# install.sh PYTHON LOCK PIP-OPTIONS...: installs a lock with pip, shows progress, and shows pip's output if it fails.
set -eu
python=$1 lock=$2
shift 2
total=$(grep -c '^[A-Za-z]' "$lock")
terminal=0
if [ -t 1 ]; then terminal=1; fi
echo "installing the $total packages of $lock; the first time needs the package index and about a minute"
{ "$python" -m pip install --disable-pip-version-check --progress-bar off "$@" 2>&1 || echo "pip failed"; } |
  awk -v total="$total" -v terminal="$terminal" '
    { lines[NR] = $0 }
    /^(Collecting |Requirement already satisfied:|Ignoring )/ { n++; if (terminal) printf "\r  %d of %d", n, total; fflush() }
    /^Installing collected packages/ && terminal { printf "\r  %d of %d, installing", n, total; fflush() }
    $0 == "pip failed" { failed = 1 }
    END {
      if (terminal) printf "\n"
      if (failed) for (i = 1; i < NR; i++) print lines[i] > "/dev/stderr"
      exit failed
    }'
