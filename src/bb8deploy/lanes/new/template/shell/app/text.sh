# shellcheck shell=sh
# Functions of run.sh, in a file of their own so that tests can call them.

# The line of the log: its number and the message.
line() {
  printf '%s: %s\n' "$1" "$2"
}
