# Copies the app folder beside it, for a tool that changes the copy.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup stage_and_swap
stage SHARE
end "STAGED $next"
