"""What `sandbox up --write` does to a .env.sandbox that the user has edited."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bb8deploy.cli.start.sandbox_folder import is_of_another_host, write_settings
from bb8deploy.console.console import Console

SANDBOX = {"HA_URL": "http://127.0.0.1:4000", "HA_LLAT": "new-token", "MQTT_PORT": "4001"}


def write(root: Path, earlier: str) -> str:
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".env.sandbox").write_text(earlier)
    write_settings(Console(), root, SANDBOX)
    return (root / ".env.sandbox").read_text()


def test_lines_of_the_user_stay_and_what_is_replaced_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = "# mine\nHA_URL=http://127.0.0.1:3999 # here\nMY_OWN=1\nHA_LLAT=old-token\nBB8_KEEP_TREES=9\n"
    text = write(tmp_path, earlier)
    assert text.startswith(
        "# mine\nHA_URL=http://127.0.0.1:4000 # here\nMY_OWN=1\nHA_LLAT=new-token\nBB8_KEEP_TREES=9\n"
    )
    out = capsys.readouterr().out
    assert "# replaced in .env.sandbox: HA_URL (was http://127.0.0.1:3999), HA_LLAT; other lines" in out
    assert "token" not in out
    assert not (tmp_path / ".env.sandbox-before").exists()


def test_settings_of_a_real_host_are_kept_in_another_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = "HA_URL=http://cabin.example:8123\nHA_LLAT=real-token\n"
    for _ in range(2):
        write(tmp_path, earlier)
    for name in (".env.sandbox-before", ".env.sandbox-2"):
        assert (tmp_path / name).read_text() == earlier
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert ".env.sandbox had the settings of another host" in capsys.readouterr().out
    status = subprocess.run(["git", "-C", str(tmp_path), "status", "--short"], capture_output=True, text=True)
    assert status.stdout == ""


@pytest.mark.parametrize(
    ("old", "other"),
    [
        ({"HA_SSH_HOST_ALIAS": "me@127.0.0.1:2222", "MQTT_HOST": "127.0.0.1"}, False),
        ({"HA_SSH_HOST_ALIAS": "cabin"}, True),
        ({"HA_SSH_HOST_ALIAS": "root@10.0.0.2:22"}, True),
        ({"MQTT_HOST": "broker"}, True),
        ({"MQTT_PORT": "1883"}, False),
    ],
)
def test_the_settings_of_another_host_are_known_by_their_addresses(old: dict[str, str], other: bool) -> None:
    assert is_of_another_host(old) is other
