"""A small app that reports its identity as the real one does, and lives until told to stop."""

from __future__ import annotations

DOCKERFILE = """ARG BUILD_FROM=debian:stable
FROM ${BUILD_FROM}
COPY run.sh build_stamp.jso[n] /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""
RUN_SH = """#!/bin/sh
stamp="$(dirname "$0")/build_stamp.json"
value() { sed -n "s/.*\\"$1\\": \\"\\([^\\"]*\\)\\".*/\\1/p" "$stamp" 2>/dev/null; }
who="version=$(value version) tree=$(value tree) commit=$(value commit) run=$(value run)"
echo "IDENTITY $who python=3.13.0"
echo RUN_SH_PRESENT
trap 'exit 0' TERM
while :; do sleep 0.2; done
"""
DIES = "#!/bin/sh\necho 'dying: no robot here'\nexit 3\n"
SILENT = "#!/bin/sh\necho hello\ntrap 'exit 0' TERM\nwhile :; do sleep 0.2; done\n"
