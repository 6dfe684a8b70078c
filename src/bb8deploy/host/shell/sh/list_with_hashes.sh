# Lists a folder with the hash of every file, in one pass.
# shellcheck shell=sh disable=SC2034,SC2154
# needs: common_setup put_in_record
# One pass names everything while the files are hashed: a plain file once, an executable one twice, a folder
# three times, a link four times, anything else five times. A file without a hash is missed by its name.
if command -v openssl >/dev/null 2>&1; then hasher='openssl dgst -r -sha256'; else hasher=sha256sum; fi
tree() { say TREE; list "$1"; say END; }
# The run whose delivery was put in, and when each path was last written, renamed or given other rights. No
# ordinary writer can set that time back. It comes in the order of the names, as the time of day: it is compared
# and no more.
beyond_content() {
  say_put_in
  say TIMES
  if stat -c %z . >/dev/null 2>&1; then form='-c %z'; else form='-f %Fc'; fi
  # shellcheck disable=SC2086
  TZ=UTC0 find . -exec stat $form {} + 2>/dev/null | cut -c12-29
}
list() {
  if [ ! -d "$1" ]; then say ABSENT; [ ! -e "$W/swapping" ] || say CUT; return; fi
  ( cd "$1" || exit 1
    # shellcheck disable=SC2086
    find . -type f -print0 | xargs -0 -r $hasher | {
      say NAMES
      find . -print0 \( -type f ! -perm -100 -o -print0 \( -type f -o -print0 \( -type d -o \
        -print0 \( -type l -o -print0 \) \) \) \) || exit 1
      [ -n "${only_content:-}" ] || beyond_content
      say TARGETS; find . -type l -exec sh -c 'printf "%s\0" "$(readlink "$1")"' sh {} \; || exit 1
      say STAMP; [ ! -f build_stamp.json ] || head -c 4096 build_stamp.json || exit 1
      for c in config.yaml config.yml config.json; do
        if [ -f "$c" ]; then say "CONFIG $c"; head -c 65536 "$c" || exit 1; fi
      done
      say HASHES; cat
      say WHOLE
    }
  )
}
