# Removes the lock if its owner is still $4. Without $4 it only answers who holds the lock.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup
if [ ! -e "$L" ]; then end FREE; exit 0; fi
was=$(cat "$L/owner" 2>/dev/null)
if [ -n "${5:-}" ] && [ "$was" = "$4" ]; then
  if why=$(mv "$L" "$L.$run" 2>&1); then
    rm -rf "$L.$run" || fail STATE
    end REMOVED; exit 0
  fi
  # Its owner may have released it at this moment.
  if [ ! -e "$L" ]; then end FREE; exit 0; fi
  printf '%s\n' "$why" >&2; fail STATE
fi
say HELD; printf '%s\n' "$was"
say EXPIRES; cat "$L/expires" 2>/dev/null
say NOW; date +%s
say END
