"""The launcher: a script that prints one identity line and then becomes the app's own first process."""

from __future__ import annotations

from bb8deploy.plan.sync_plan import Stamp

SEAL = "@BB8DEPLOY_SEAL@"
"""Placeholder in the launcher for what the build found; the build replaces it."""

# A shell adds names to the environment: they are taken out again, or get the value that they had. dash also
# drops names that are no identifiers, such as `discovery.type`, so they are put back. The names of this
# script's variables belong to no app, because assigning to an exported variable would change it for the app.
_TEMPLATE = f"""#!/bin/sh
# Written by bb8deploy: reports which content this image was built from, then becomes the entry point.
bb8deploy_p=$(python3 -V 2>/dev/null)
case $bb8deploy_p in "Python "[0-9]*) bb8deploy_p=${{bb8deploy_p#Python }} ;; *) bb8deploy_p=none ;; esac
bb8deploy_r=
for bb8deploy_v in /run.sh /usr/src/app/run.sh; do
  [ ! -f "$bb8deploy_v" ] || bb8deploy_r=" run-sh=$bb8deploy_v"
done
printf '%s\\n' "IDENTITY @WHO@ python=${{bb8deploy_p%% *}} {SEAL}$bb8deploy_r" 2>/dev/null || :
command -v env >/dev/null 2>&1 || exec "$@"
bb8deploy_s=$(printf '\\001')
bb8deploy_e=$(tr '\\n\\000' '\\001\\n' <"/proc/$$/environ" 2>/dev/null; printf x)
bb8deploy_i=$IFS
IFS="
"
set -f
for bb8deploy_v in $bb8deploy_e; do
  case ${{bb8deploy_v%%=*}} in
    PWD | OLDPWD | SHLVL | _) ;;
    '' | [0-9]* | *[!A-Za-z0-9_]*) ;;
    *) continue ;;
  esac
  case $bb8deploy_v in
    =*) continue ;;
    *"$bb8deploy_s"*)
      bb8deploy_v=$(printf '%sx' "$bb8deploy_v" | tr '\\001' '\\n')
      bb8deploy_v=${{bb8deploy_v%x}} ;;
  esac
  set -- "$bb8deploy_v" "$@"
done
set +f
IFS=$bb8deploy_i
exec env -u PWD -u OLDPWD -u SHLVL -u _ "$@"
"""


def launcher(stamp: Stamp) -> str:
    """The launcher's text for a stamp, with `SEAL` as the placeholder for what the build finds."""
    who = f"version={stamp.version} tree={stamp.tree} commit={stamp.commit} run={stamp.run}"
    return _TEMPLATE.replace("@WHO@", who)
