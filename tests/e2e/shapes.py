"""Forty shapes of an app's Dockerfile: how public apps are built, and what is hard to extend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

ALPINE, DEBIAN = "alpine:3.23", "debian:bookworm-slim"
HA_ALPINE, HA_DEBIAN = "ghcr.io/home-assistant/base:3.23", "ghcr.io/home-assistant/base-debian:bookworm"
FOREIGN = "example.org/somebody/service:1"
"""Has an entry script of its own that dispatches on its first argument, and a CMD."""
BARE = "example.org/somebody/bare:1"
"""Has neither entry point nor CMD."""

# Prints what a process can see of how it was started, then ends with 7 at SIGTERM, as its last service would.
PROBE = """#!/bin/sh
trap 'exit 7' TERM
tr '\\000' '\\n' </proc/$$/cmdline | sed 's/^/argv /'
tr '\\n\\000' '~\\n' </proc/$$/environ | sed 's/^/env /' | sort
tr '\\000' ' ' </proc/1/cmdline | sed 's/^/pid1 /'
echo
echo "cwd $(readlink /proc/$$/cwd)"
echo "user $(id -u):$(id -g)"
echo "self $([ $$ = 1 ] && echo first || echo child)"
echo ready
while :; do sleep 0.1; done
"""
RUN = 'ENTRYPOINT ["/probe.sh"]'


@dataclass(frozen=True, slots=True)
class Shape:
    """An app: its Dockerfile and files. `why` is a part of the reason for a lesser proof, empty if sealed."""

    name: str
    dockerfile: str
    files: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    run: tuple[str, ...] = ()

    @property
    def tree(self) -> dict[str, str]:
        """Every file of the app."""
        slug = "".join(char if char.isalnum() else "_" for char in self.name.lower())
        config = {
            "name": self.name,
            "version": "1.2.3",
            "slug": slug,
            "description": "x",
            "arch": ["amd64"],
            "init": False,
        }
        return {
            "config.yaml": json.dumps(config),
            "Dockerfile": self.dockerfile,
            "probe.sh": PROBE,
            "data/odd name é.txt": "x",
            **self.files,
        }


def _copy(base: str, *end: str) -> str:
    return "\n".join([f"FROM {base}", "COPY probe.sh /probe.sh", "RUN chmod 0755 /probe.sh", *end, ""])


_SERVICE = {"svc/run": "#!/bin/sh\nexec /probe.sh service\n"}
_S6 = ("COPY svc /etc/services.d/app", "RUN chmod 0755 /etc/services.d/app/run")
SHAPES: tuple[Shape, ...] = (
    # What public apps do most.
    Shape(
        "base with CMD run.sh",
        f"ARG BUILD_FROM={HA_ALPINE}\n" + _copy("$BUILD_FROM", *_S6, 'CMD ["/probe.sh", "x"]'),
        _SERVICE,
    ),
    Shape("s6 base without CMD", _copy(HA_ALPINE, *_S6), _SERVICE),
    Shape("s6 Debian base", _copy(HA_DEBIAN, *_S6), _SERVICE),
    Shape("s6 Debian with a CMD in shell form", _copy(HA_DEBIAN, *_S6, "CMD /probe.sh x"), _SERVICE),
    Shape(
        "build.yaml names the base",
        "ARG BUILD_FROM\n" + _copy("$BUILD_FROM", *_S6),
        {**_SERVICE, "build.yaml": f"build_from:\n  amd64: {HA_ALPINE}\n"},
    ),
    Shape("init as entry point in the text", _copy(HA_DEBIAN, *_S6, 'ENTRYPOINT ["/init"]'), _SERVICE),
    Shape("env and entry script", _copy(DEBIAN, 'ENTRYPOINT [ "/usr/bin/env" ]', 'CMD [ "/probe.sh" ]')),
    Shape("exec entry point", _copy(ALPINE, RUN)),
    Shape(
        "exec entry point with arguments",
        _copy(DEBIAN, 'ENTRYPOINT ["/probe.sh", "--a b", "$HOME", "c\\"d"]'),
    ),
    Shape("entry point and CMD", _copy(ALPINE, RUN, 'CMD ["one", "two"]')),
    Shape("CMD before the entry point", _copy(DEBIAN, 'CMD ["one"]', RUN)),
    Shape("CMD alone", _copy(ALPINE, 'CMD ["/probe.sh"]')),
    Shape("CMD alone in shell form", _copy(DEBIAN, "CMD exec /probe.sh $EXTRA")),
    Shape("entry point in shell form", _copy(ALPINE, "ENTRYPOINT exec /probe.sh a 'b c'")),
    Shape(
        "shell form with SHELL",
        _copy(DEBIAN, 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]', "ENTRYPOINT exec /probe.sh shell"),
    ),
    Shape("empty entry point", _copy(DEBIAN, "ENTRYPOINT []", 'CMD ["/probe.sh", "x"]')),
    Shape("entry point of a foreign base replaced", _copy(FOREIGN, RUN)),
    # Stages.
    Shape(
        "multi-stage with an index",
        f"FROM {DEBIAN}\nRUN echo made >/made\n" + _copy(ALPINE, "COPY --from=0 /made /made", RUN),
    ),
    Shape(
        "multi-stage with names",
        f"FROM {ALPINE} AS Build\nCOPY data /in\nRUN cp -r /in /out\n"
        + _copy(DEBIAN + " AS final", "COPY --from=build /out /out", RUN),
    ),
    Shape(
        "entry point in an earlier stage",
        _copy(ALPINE + " as base", RUN, 'CMD ["a"]') + "FROM base\nRUN true\n",
    ),
    Shape(
        "CMD earlier, entry point final",
        _copy(DEBIAN + " AS base", 'CMD ["dropped"]') + f"FROM base\n{RUN}\n",
    ),
    Shape("CMD final, entry point earlier", _copy(DEBIAN + " AS base", RUN) + 'FROM base\nCMD ["kept"]\n'),
    Shape(
        "scratch filled from a stage",
        f"FROM {ALPINE} AS root\n"
        "FROM scratch\nCOPY --from=root / /\nCOPY probe.sh /probe.sh\nRUN chmod 0755 /probe.sh\n"
        + RUN
        + "\n",
    ),
    # Who and where.
    Shape("another user", _copy(ALPINE, "RUN adduser -D app || true", "USER 1000:1000", RUN)),
    Shape("a working directory", _copy(DEBIAN, "WORKDIR /srv/app", 'ENTRYPOINT ["../../probe.sh"]')),
    Shape("environment", _copy(DEBIAN, 'ENV a.b=1 A-B=2 EMPTY= PWD=/x SHLVL=9 LINES="a b"', RUN)),
    Shape(
        "environment on busybox",
        _copy(ALPINE, "ENV a.b=1 A-B=2 EMPTY= PATH=/usr/local/bin:/usr/bin:/bin _=z", RUN),
    ),
    Shape("program found on PATH", _copy(ALPINE, "RUN mv /probe.sh /usr/bin/probe", 'ENTRYPOINT ["probe"]')),
    # Writing that is hard to extend.
    Shape("ends in a continuation", _copy(ALPINE, RUN, "ENV A=1 \\\n", "# a comment\n")),
    Shape("no line end", _copy(DEBIAN, RUN).rstrip("\n")),
    Shape("CRLF", _copy(DEBIAN, 'ENTRYPOINT ["/probe.sh", \\', '  "two"]').replace("\n", "\r\n")),
    Shape(
        "lower case",
        f'from {ALPINE}\ncopy probe.sh /probe.sh\nrun chmod 0755 /probe.sh\nentrypoint ["/probe.sh"]\n',
    ),
    Shape("escape directive", "# escape=`\n" + _copy(ALPINE, 'ENTRYPOINT ["/probe.sh", `', '"x"]')),
    Shape("entry point twice", _copy(DEBIAN, 'ENTRYPOINT ["/bin/false"]', 'ENTRYPOINT ["/probe.sh"]')),
    Shape(
        "comments within an instruction",
        _copy(ALPINE, "ENTRYPOINT [ \\", "  # why", '  "/probe.sh", \\', "", '  "x" ]'),
    ),
    # The build context.
    Shape(
        "ignore file",
        _copy(DEBIAN, "COPY . /all", RUN),
        {".dockerignore": "data\n*.md\n!README.md", "NOTES.md": "x"},
    ),
    Shape("ignore file that names what it takes", _copy(ALPINE, RUN), {".dockerignore": "*\n!probe.sh\n"}),
    Shape(
        "ignore file of the Dockerfile",
        _copy(DEBIAN, "COPY . /all", RUN),
        {"Dockerfile.dockerignore": "data\n"},
    ),
    # What is not guessed.
    Shape(
        "scratch", 'FROM scratch\nCOPY probe.sh /probe.sh\nENTRYPOINT ["/probe.sh"]\n', why="no known shell"
    ),
    Shape(
        "foreign base with a word as CMD",
        _copy(FOREIGN, 'CMD ["serve"]'),
        why="entry point of the base image",
    ),
)
