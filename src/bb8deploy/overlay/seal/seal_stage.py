"""Writes the seal stage: it hashes what the builder was given and compares it with the expected manifest.

The manifest is in the text of RUN steps, because a .dockerignore can hide any file of the context. BuildKit
refuses lines over 64 KiB, and takes seconds for values of ARG as long as these. Nothing here needs more than
the Dockerfile frontend of Docker 20.10: no here-document, no `# syntax=`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bb8deploy.base.seal_paths import LAUNCHER, SEAL_CONTEXT, SEAL_OUT
from bb8deploy.overlay.seal.launcher_script import SEAL
from bb8deploy.workspace.tree_digest import STAMP, Entry, Manifest

STAGE = "bb8deploy-seal"
SHOWN = 8
"""Names of files that differ that are reported by the container."""
MOST = 2_000_000
"""Bytes of the encoded manifest."""
_PIECE = 40_000
_HASH = 32
"""Hex digits of a hash that are compared: half of them, so that twice as many files fit into a step."""
_ODD = re.compile(r"[^A-Za-z0-9._/-]")

_SCRIPT = """\
export LC_ALL=C
mkdir -p @OUT@ && cd @OUT@ || exit 1
names() { cut -c@NAME@- "$1"; }
only() { sort "$1" "$2" "$2" | uniq -u; }
row() { head -n @SHOWN@ "$1" | tr -c 'A-Za-z0-9._/\\n-' '?' | tr '\\n' ',' | sed 's/,$//'; }
count() { grep -c . "$1" || :; }
for tool in cut sort uniq head tr sed grep find sha256sum readlink; do
  command -v $tool >/dev/null || missing=$tool
done
if [ -n "${missing:-}" ]; then
  seal=seal=none
  echo "bb8deploy: nothing was compared, because the image has no $missing" >&2
else
  printf '%s\\n' @FILES@ >>list
  tr , '\\n' <list | sed 's/^\\(.\\{@HASH@\\}\\)/\\1  .\\//; s/%/\\\\0/g' >coded
  while IFS= read -r line; do printf '%b\\n' "$line"; done <coded | sort >want
  ( cd @CONTEXT@ || exit 1
    find . -type f @SKIP@ -exec sha256sum {} + || exit 1
    find . -type l | while IFS= read -r link; do
      printf '%s  %s\\n' "$(readlink -n "$link" | sha256sum | cut -c-64)" "$link"
    done ) >found || exit 1
  sed 's/^\\(.\\{@HASH@\\}\\).\\{@HASH@\\}/\\1/' found | sort >have
  only have want >bad
  names want | sort >want.names; names have | sort >have.names; names bad | sort >bad.names
  only bad.names want.names >extra
  only bad.names extra >differ
  only want.names have.names >unseen
  seal="seen=$(count have) differ=$(count differ) extra=$(count extra) not-seen=$(count unseen)"
  echo "bb8deploy: $seal"
  sed 's/^/bb8deploy: differs from what was sent: /' differ >&2
  sed 's/^/bb8deploy: was not sent: /' extra >&2
  [ ! -s differ ] || seal="$seal differs=$(row differ)"
  [ ! -s extra ] || seal="$seal extras=$(row extra)"
fi
printf '%s' @LAUNCHER@ | sed "s|@SEAL@|$seal|" >launch && chmod 0755 launch
"""


@dataclass(frozen=True, slots=True)
class SealStage:
    """What the stage is based on and sees: `image` is the text of its FROM; `mounts` are the paths of the
    context that it looks at, a single "" for all of it; `skipped` are paths that are not compared."""

    image: str
    manifest: Manifest
    launcher: str
    mounts: Sequence[str] = ("",)
    skipped: Iterable[str] = ()


def seal_stage(stage: SealStage) -> list[str]:
    """The lines of the stage."""
    *earlier, last = encoded(stage.manifest)
    values = {
        "OUT": SEAL_OUT,
        "CONTEXT": SEAL_CONTEXT,
        "SHOWN": str(SHOWN),
        "FILES": shlex.quote(last),
        "HASH": str(_HASH),
        "NAME": str(_HASH + len("  ./") + 1),
        "SKIP": " ".join(f"! -path {shlex.quote(f'./{path}')}" for path in (STAMP, *stage.skipped)),
        "LAUNCHER": shlex.quote(stage.launcher),
        "SEAL": SEAL,
    }
    script = re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], _SCRIPT)
    mounts = " ".join(_mount(path) for path in stage.mounts)
    return [
        f"FROM {stage.image} AS {STAGE}",
        "USER 0",
        *(_run(f"mkdir -p {SEAL_OUT} && printf '%s\\n' {piece} >>{SEAL_OUT}/list") for piece in earlier),
        _run(script, mounts),
    ]


def copy_line() -> str:
    """The line that brings the launcher into the final stage."""
    return f"COPY --from={STAGE} {SEAL_OUT}/launch {LAUNCHER}"


def encoded(manifest: Manifest) -> list[str]:
    """The manifest in pieces for one step each: hash and path of each file, with commas between them."""
    pieces, size = [[""]], 0
    for word in map(_word, manifest.entries):
        if size + len(word) > _PIECE:
            pieces.append([])
            size = 0
        pieces[-1].append(word)
        size += len(word) + 1
    return [",".join(filter(None, piece)) for piece in pieces]


def is_encodable(manifest: Manifest) -> bool:
    """Whether the seal can compare the tree: sha256sum escapes a backslash or newline."""
    plain = not any(sign in entry.path for entry in manifest.entries for sign in "\\\n\r")
    return plain and sum(len(word) for word in _words(manifest)) <= MOST


def _words(manifest: Manifest) -> Iterator[str]:
    return map(_word, manifest.entries)


def _word(entry: Entry) -> str:
    return entry.sha256[:_HASH] + _ODD.sub(
        lambda found: "".join(f"%{byte:03o}" for byte in found[0].encode()), entry.path
    )


def _run(script: str, mounts: str = "") -> str:
    words = json.dumps(["/bin/sh", "-c", script])
    return f"RUN {mounts} {words}" if mounts else f"RUN {words}"


def _mount(path: str) -> str:
    source = f"source={path}," if path else ""
    return f"--mount=type=bind,{source}target={SEAL_CONTEXT}{'/' if path else ''}{path}"
