"""The profile lets s6-overlay and Python do what they do where it is enforced, and nothing beside it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

PROFILE = Path(__file__).parents[2] / "addon" / "apparmor.txt"
PARSER = shutil.which("apparmor_parser", path="/usr/sbin:/sbin:/usr/bin")
ABSTRACTIONS = Path("/etc/apparmor.d")
BITS = {"x": 1, "w": 2, "r": 4, "l": 16, "k": 32, "m": 64}
"""What the parser's compiled rules call the owner's permissions."""

S6 = "/package/admin/s6-overlay-3.2.1.0"
NEEDED = {
    "s6": {
        # Scripts, in the order in which they run: the kernel wants x of them, their interpreter r.
        "/init": "rx",
        f"{S6}/libexec/preinit": "rx",
        f"{S6}/libexec/stage0": "rx",
        f"{S6}/command/with-contenv": "rx",
        "/command/with-contenv": "rx",
        "/usr/bin/with-contenv": "rx",
        "/run/s6/basedir/bin/init": "rwx",
        "/run/s6/basedir/scripts/rc.init": "rwx",
        "/run/s6-rc:s6-rc-init:abcdef/servicedirs/s6rc-oneshot-runner/run": "rwx",
        f"{S6}/etc/s6-rc/scripts/services-up": "rx",
        "/etc/services.d/ble_bridge/run": "rx",
        "/etc/cont-init.d/first": "rx",
        "/etc/cont-finish.d/last": "rx",
        "/etc/s6-overlay/s6-rc.d/user/type": "r",
        "/etc/s6-overlay/config/global_path": "r",
        "/run/s6/legacy-services/ble_bridge/run": "rwx",
        "/run/service/s6-linux-init-shutdownd/run": "rwx",
        "/usr/src/app/run.sh": "rx",
        # Programs, with and without /usr merged.
        "/package/admin/s6-2.13.2.0/command/s6-svscan": "rx",
        "/package/admin/execline-2.9.7.0/command/execlineb": "rx",
        "/bin/busybox": "rx",
        "/bin/bash": "rx",
        "/usr/bin/bash": "rx",
        "/usr/bin/printf": "rx",
        "/usr/bin/env": "rx",
        "/sbin/ldconfig": "rx",
        "/usr/local/bin/python3.13": "rx",
        "/usr/bin/python3.12": "rx",
        "/opt/venv/bin/python": "rx",
        # Folders that are listed.
        "/etc/services.d/": "r",
        "/etc/services.d/ble_bridge/": "r",
        "/etc/cont-init.d/": "r",
        "/etc/s6-overlay/s6-rc.d/": "r",
        "/run/": "r",
        "/run/s6/": "rw",
        "/run/service/": "rw",
        # The loader, and what every program needs.
        "/lib/ld-musl-x86_64.so.1": "rm",
        "/etc/localtime": "r",
        "/proc/self/maps": "r",
        "/dev/null": "rw",
        "/tmp/x": "rw",
    },
    "python": {
        "/usr/local/bin/python3.13": "rmx",
        "/usr/bin/python3.12": "rmx",
        "/opt/venv/bin/python": "rx",
        # Folders that are listed.
        "/usr/src/app/": "r",
        "/usr/src/app/bb8_core/": "r",
        "/opt/venv/lib/python3.13/site-packages/": "r",
        "/usr/local/lib/python3.13/": "r",
        "/data/": "rw",
        "/sys/class/bluetooth/": "r",
        # Files of the program.
        "/usr/src/app/bb8_core/main.py": "r",
        "/usr/src/app/bb8_core/__pycache__/main.cpython-313.pyc": "r",
        "/usr/src/app/build_stamp.json": "r",
        "/opt/venv/pyvenv.cfg": "r",
        "/opt/venv/lib/python3.13/site-packages/dbus_fast/unpack.cpython-313-x86_64-linux-musl.so": "rm",
        "/usr/local/lib/libpython3.13.so.1.0": "rm",
        "/usr/local/lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-musl.so": "rm",
        "/lib/ld-musl-x86_64.so.1": "rm",
        "/usr/lib/libssl.so.3": "rm",
        "/etc/ssl/cert.pem": "r",
        "/etc/resolv.conf": "r",
        "/etc/localtime": "r",
        "/usr/share/zoneinfo/Europe/Rome": "r",
        "/proc/7/maps": "r",
        "/proc/7/fd/": "r",
        "/dev/null": "rw",
        "/dev/urandom": "r",
        "/run/dbus/system_bus_socket": "rw",
        "/data/options.json": "r",
        "/config/scenes/": "r",
        "/config/scenes/party.yaml": "r",
        "/data/.estop.json.x7": "rw",
        "/ssl/ca.pem": "r",
        "/tmp/x": "rw",
    },
}
ANYBODY = {
    "/data/program": "x",
    "/tmp/program": "x",
    "/ssl/ca.pem": "wx",
    "/usr/src/app/bb8_core/main.py": "wx",
    "/usr/local/bin/python3.13": "w",
    "/etc/services.d/ble_bridge/run": "w",
    "/dev/sda": "rw",
    "/dev/hci0": "rw",
    "/root/.ssh/id_ed25519": "rw",
    "/share/notes": "rw",
    "/config/secrets.yaml": "rw",
    "/config/scenes/party.yaml": "wx",
    "/sys/kernel/security/": "rw",
    "/proc/sys/kernel/core_pattern": "w",
}
FORBIDDEN = {
    "s6": ANYBODY
    | {
        "/data/options.json": "rw",
        "/run/dbus-planted": "x",
        "/config/scenes/party.yaml": "rwx",
        "/ssl/ca.pem": "rwx",
    },
    "python": ANYBODY
    | {
        "/bin/bash": "x",
        "/bin/busybox": "x",
        "/usr/bin/env": "x",
        "/init": "x",
        "/run/": "rw",
        "/run/planted": "rwx",
        "/run/service/ble_bridge/run": "rwx",
        "/run/s6/basedir/bin/init": "rwx",
        "/etc/shadow": "r",
        "/etc/services.d/ble_bridge/run": "rwx",
        "/proc/1/environ": "r",
        "/proc/7/environ": "r",
        "/proc/7/mem": "rw",
        "/proc/": "r",
        "/data/library.so": "mx",
        "/tmp/library.so": "mx",
    },
}

Rule = tuple[re.Pattern[str], str]


def alone(profile: str) -> str:
    """The text of one of the two profiles, as a profile of its own."""
    before, _, child = PROFILE.read_text().partition("\n  profile python ")
    if profile == "s6":
        return before + "\n}\n"
    head = before.partition("\nprofile ")[0]
    return f"{head}\nprofile python {child.rstrip().removesuffix('}')}"


def compiled(profile: str) -> list[Rule]:
    """The rules as apparmor_parser would load them, those of the included abstractions too."""
    if PARSER is None or not (ABSTRACTIONS / "abstractions" / "base").exists():
        pytest.skip("SKIPPED: apparmor_parser or its abstractions are not installed")
    command = [PARSER, "-Q", "--skip-cache", "-I", str(ABSTRACTIONS), "-D", "rule-exprs"]
    done = subprocess.run(
        command, input=alone(profile), capture_output=True, text=True, timeout=60, check=True
    )
    lines = re.findall(
        r"^rule: ([/(\[].*?)  ->  .* \(0x([0-9a-f]+)/", done.stdout + done.stderr, re.MULTILINE
    )
    assert lines, "apparmor_parser printed no rule"
    return [
        (re.compile(rule), "".join(name for name, bit in BITS.items() if int(mask, 16) & bit))
        for rule, mask in lines
    ]


def written(profile: str) -> list[Rule]:
    """The rules as they are in the file, read by ourselves; what it includes is left out."""
    rules = re.findall(r"^ +(/\S+) ([rwxmkilc]+)(?: -> python)?,$", alone(profile), re.MULTILINE)
    assert len(rules) > 15, "the profile's form is not the one that this test reads"
    rules = [(path.replace("@{pid}", "*"), perms) for path, perms in rules]
    return [(re.compile(pattern(glob)), perms) for whole, perms in rules for glob in alternatives(whole)]


def alternatives(glob: str) -> list[str]:
    """The globs that a glob with {a,b} stands for."""
    parts = [part.split(",") for part in re.split(r"\{(.*?)\}", glob)]
    return ["".join(choice) for choice in product(*parts)]


def pattern(glob: str) -> str:
    """AppArmor's wildcards: * within a folder, ** through folders, and neither matches nothing after a /."""
    text = re.sub(r"\\\[\\\^(.)\\\]", r"[^\1]", re.escape(glob))
    text = text.replace(r"\*\*", ".DEEP").replace(r"\*", ".FLAT")
    text = re.sub(r"/\.DEEP$", "/[^/].*", text)
    text = re.sub(r"/\.FLAT$", "/[^/]+", text)
    return text.replace(".DEEP", ".*").replace(".FLAT", "[^/]*")


def granted(rules: list[Rule], path: str) -> set[str]:
    return {perm for rule, perms in rules if rule.fullmatch(path) for perm in perms}


def test_a_program_and_a_folder_are_distinguished_by_our_reading() -> None:
    assert alternatives("/a/{b,c}/{,**}") == ["/a/b/", "/a/b/**", "/a/c/", "/a/c/**"]
    assert re.fullmatch(pattern("/x/**"), "/x/y/z")
    assert not re.fullmatch(pattern("/x/**"), "/x/")
    assert not re.fullmatch(pattern("/x/*"), "/x/y/z")
    assert re.fullmatch(pattern("/run/s6-rc*/a"), "/run/s6-rc:1/a")
    assert re.fullmatch(pattern("/x/[^p]**"), "/x/ab")
    assert not re.fullmatch(pattern("/x/[^p]**"), "/x/pb")


@pytest.mark.parametrize("profile", ["s6", "python"])
@pytest.mark.parametrize("rules", [compiled, written])
def test_what_starts_and_runs_the_add_on_is_allowed(rules: Callable[[str], list[Rule]], profile: str) -> None:
    known = rules(profile)
    by_abstractions = {
        "/dev/urandom",
        "/lib/ld-musl-x86_64.so.1",
        "/dev/null",
        "/etc/ssl/cert.pem",
        "/proc/7/maps",
    }
    included = by_abstractions if rules is written else set()
    lacking = {
        path: missing
        for path, perms in NEEDED[profile].items()
        if path not in included and (missing := set(perms) - granted(known, path))
    }
    assert lacking == {}


@pytest.mark.parametrize("profile", ["s6", "python"])
@pytest.mark.parametrize("rules", [compiled, written])
def test_what_is_none_of_its_business_is_not(rules: Callable[[str], list[Rule]], profile: str) -> None:
    known = rules(profile)
    too_much = {
        path: given
        for path, perms in FORBIDDEN[profile].items()
        if (given := set(perms) & granted(known, path))
    }
    assert too_much == {}


def test_capabilities_and_netlink_are_not_granted() -> None:
    """The abstraction for name look-up would bring both; s6 may read /etc except the password hashes."""
    text = re.sub("#(?!include).*", "", PROFILE.read_text())
    assert "nameservice" not in text
    assert "capability" not in text
    assert re.findall(r"^ +(.*netlink.*)$", text, re.MULTILINE) == ["deny network netlink raw,"]
    assert "\n  deny /etc/{,g}shadow{,-} r,\n" in alone("s6")


def test_the_supervisor_finds_one_profile_and_renames_the_child_with_it() -> None:
    """It replaces the name in lines that begin with `profile `; no rule may contain the name."""
    assert re.findall(r"^profile (\S+) ", PROFILE.read_text(), re.MULTILINE) == ["beep_boop_bb8"]
    assert PROFILE.read_text().count("beep_boop_bb8") == 1


def test_every_rule_is_explained() -> None:
    """Each group of rules follows a comment that describes what it is for."""
    body = PROFILE.read_text().partition("{\n")[2].rsplit("}", 1)[0]
    for group in body.strip().split("\n\n"):
        assert group.lstrip().startswith("# "), group


def test_the_password_hashes_cannot_be_read() -> None:
    if PARSER is None or not (ABSTRACTIONS / "abstractions" / "base").exists():
        pytest.skip("SKIPPED: apparmor_parser or its abstractions are not installed")
    done = subprocess.run(
        [PARSER, "-Q", "--skip-cache", "-I", str(ABSTRACTIONS), str(PROFILE)], capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
