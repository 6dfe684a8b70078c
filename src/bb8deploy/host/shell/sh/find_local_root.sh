# Finds the Supervisor's local root: the folder in which it looks for local apps, at any depth.
# shellcheck shell=sh disable=SC2034,SC2154
# An SSH app shows it as /addons or /local_apps. On the host itself it is the folder `local` beside `core` and
# `git`. A path that names none of them is taken for an app directly in the local root.
local_root() {
  root=${R%/*}; at=$root
  while [ -n "$at" ]; do
    case ${at##*/} in
      addons|local_apps|apps)
        if [ -d "$at/core" ] && [ -d "$at/git" ]; then root=$at/local; break; fi
        if [ "${at##*/}" != apps ]; then root=$at; break; fi ;;
    esac
    at=${at%/*}
  done
}
