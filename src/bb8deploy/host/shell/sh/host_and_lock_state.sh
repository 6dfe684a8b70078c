# Answers with the facts of the host, the state of the place around the app folder, and who holds the lock.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup host_facts folder_surroundings
{
  facts; place
  if [ -d "$L" ]; then echo "expires=$(cat "$L/expires" 2>/dev/null)"; say OWNER; cat "$L/owner" 2>/dev/null; fi
  say END
} | together
