"""A small, sound app in a folder of its own, which each test then spoils in one way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bb8deploy.checks.run_rules import CheckReport, check_addon

CONFIG = """\
name: Small
version: "1.4.2"
slug: small
description: An app for tests
arch:
  - amd64
build:
  dockerfile: Dockerfile
options:
  level: info
schema:
  level: list(debug|info)
init: false
"""
DOCKERFILE = """\
ARG BUILD_FROM=ghcr.io/home-assistant/base:3.23
FROM ${BUILD_FROM}
RUN python3 -m venv /opt/venv
COPY services.d /etc/services.d
COPY run.sh /usr/src/app/run.sh
"""
FILES = {
    "config.yaml": CONFIG,
    "Dockerfile": DOCKERFILE,
    "run.sh": '#!/usr/bin/env bash\nexec "${VIRTUAL_ENV:-/opt/venv}/bin/python" -m bb8_core.main\n',
    "services.d/ble_bridge/run": "#!/usr/bin/env bash\nexec /usr/src/app/run.sh\n",
    "services.d/echo_responder/run": "#!/usr/bin/env bash\nexec /usr/src/app/run.sh\n",
    "requirements.txt": "one==1.0 --hash=sha256:aa\ntwo==2.0 \\\n    --hash=sha256:bb\n",
    "translations/en.yaml": "configuration:\n  level:\n    name: Level\n",
}


@pytest.fixture
def addon(tmp_path: Path) -> Path:
    """A folder that passes every rule of the bb8 profile."""
    root = tmp_path / "addon"
    for path, text in FILES.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if text.startswith("#!"):
            file.chmod(0o755)
    return root


@pytest.fixture
def check(addon: Path) -> Callable[..., CheckReport]:
    """Checks that folder in the bb8 profile, or as asked."""

    def run(**how: object) -> CheckReport:
        return check_addon(addon, **{"workspace": None, "profile": "bb8", **how})  # type: ignore[arg-type]

    return run
