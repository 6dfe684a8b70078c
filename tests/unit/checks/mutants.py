"""Apps with random damage: what a careless or hostile author may leave in a folder."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

Files = dict[str, bytes]
SAMPLES: tuple[Files, ...] = (
    {
        "config.yaml": (
            b"name: One\nversion: '1.0'\nslug: one\ndescription: x\narch: [amd64, aarch64]\ninit: false\n"
            b"map: [config:rw, ssl]\nports:\n  80/tcp: 8080\noptions:\n  a: 1\n  b: [x]\n  c: {d: y}\n"
            b"schema:\n  a: int(0,10)?\n  b: [str]\n  c: {d: 'match(^[a-z]+$)'}\n  e: 'list(a|b)?'\n"
        ),
        "Dockerfile": (
            b"ARG BUILD_FROM=ghcr.io/home-assistant/base:3.22\nARG V=1\nFROM ${BUILD_FROM} AS a\n"
            b"RUN apk add \\\n  # why\n  bash && chmod a+x /x\nCOPY rootfs /\nCOPY --from=a /x /y\n"
            b'ENTRYPOINT ["/init"]\nCMD ["/run.sh"]\n'
        ),
        "rootfs/etc/services.d/one/run": b"#!/usr/bin/with-contenv bashio\nexec /usr/bin/one\n",
        "rootfs/usr/bin/one": b"#!/bin/bash\necho one\n",
        "translations/en.yaml": b"configuration:\n  a:\n    name: A\nnetwork:\n  80/tcp: Web\n",
        "apparmor.txt": b"profile one flags=(attach_disconnected) {\n}\n",
        ".dockerignore": b"**/*.md\n!README.md\n",
    },
    {
        "config.json": (
            b'{"name": "Two", "version": "2", "slug": "two", "description": "x", "arch": ["amd64"],'
            b' "image": "ghcr.io/a/{arch}-two", "options": {"u": "x"}, "schema": {"u": "url?"},'
            b' "map": [{"type": "share", "read_only": false}], "ulimits": {"nofile": 1}, "timeout": 20}'
        ),
        "build.yaml": b"build_from:\n  amd64: a/b:1\nargs:\n  A: '1'\nlabels:\n  x: y\n",
        "Dockerfile": b"ARG BUILD_FROM\nFROM $BUILD_FROM\nRUN <<EOT\necho\nEOT\nADD a* /b/\n",
        "CHANGELOG.md": b"## 2\n",
    },
)
_NASTY = (
    b"null", b"~", b".inf", b"-.inf", b".nan", b"1e999", b"[]", b"{}", b"''", b"!!binary aGk=", b"&a [*a]",
    b"!!set {a}", b"2024-13-45", b"2024-01-01", b"0x1F", b"1_000", b"yes", b"\xff\xfe", b"\x00", b"\x1b[31m",
    b"\r\n", b"\n::error::x\n", b"##[error]x", "\u202e".encode(), b"\xf0\x9f\x98\x80", b"match([)",
    b"match(^(a+)+$)",
    b"int(,)", b"list()", b"str(9,1)", b"${A:-${B", b"<<EOF", b"<<<x", b"\\", b"`", b"'", b'"',
    b"FROM", b"COPY --from=9 a b", b"{{", b"}}", b"%s%n", b"../../../etc/passwd", b"9" * 5000, b"\xc2\xb2",
    b"a: " * 40, b"[" * 70, b"- " * 70, b"<<: *a", b"? [a]\n: b", b"\t", b"#", b"# bb8deploy: ignore[",
    b"# bb8deploy: ignore[CONFIG_INVALID]", b"${ARRAY[@]}", b"$", b"ARG", b"profile ",
)  # fmt: skip
_NAMES = (
    b"a\nb",
    b"::error::x",
    b"\xff",
    b"a b",
    b"-rf",
    b"'",
    "\u202ex".encode(),
    b"x" * 200,
    b"\x1b[0m",
    b"*",
)


def mutant(seed: int) -> tuple[Files, list[tuple[bytes, bytes]]]:
    """The files of a damaged app, and links (path, target) beside them."""
    chance = random.Random(seed)
    files = dict(chance.choice(SAMPLES))
    links: list[tuple[bytes, bytes]] = []
    for _ in range(chance.randint(1, 4)):
        damage(files, links, chance)
    return files, links


def damage(files: Files, links: list[tuple[bytes, bytes]], chance: random.Random) -> None:
    """Edits, removes or adds one file, or adds a link."""
    way = chance.random()
    path = chance.choice(sorted(files))
    if way < 0.75:
        files[path] = chance.choice(_EDITS)(files[path], chance)
    elif way < 0.82 and len(files) > 1:
        del files[path]
    elif way < 0.92:
        files[f"rootfs/etc/cont-init.d/{os.fsdecode(chance.choice(_NAMES))}"] = b"#!/bin/sh\r\n"
    else:
        targets = (b"/etc/passwd", b"../x", b"config.yaml", b".", b"self", b"/dev/zero", b"a/b/c")
        links.append(
            (chance.choice((b"self", b"apparmor.txt.l", b"rootfs/x", b"icon.png")), chance.choice(targets))
        )


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_NASTY) + data[at:]


def _replace_value(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    key, colon, _value = lines[at].partition(b":")
    lines[at] = key + colon + b" " + chance.choice(_NASTY)
    return b"\n".join(lines)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _double(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    return b"\n".join([*lines[: at + 1], lines[at], *lines[at + 1 :]])


def _flip(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


_EDITS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _insert,
    _replace_value,
    _replace_value,
    _cut,
    _double,
    _flip,
)


def write(root: Path, seed: int) -> None:
    """Writes the damaged app into `root`, which must be empty."""
    files, links = mutant(seed)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for name, target in links:
        path = root / os.fsdecode(name)
        if not path.is_symlink() and not path.exists() and path.parent.is_dir():
            path.symlink_to(os.fsdecode(target))
