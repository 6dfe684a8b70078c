"""Every command in a shell block of the pages runs here unchanged, or in another test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ops.docs import commands
from tests.integration.deploylab import Lab, command, config, env_file, open_lab
from tests.integration.desk import REPOSITORY
from tests.integration.small_addon import RUN_SH

from ha_sandbox import LocalApp, Sandbox

pytestmark = pytest.mark.e2e

# In the order of a first day: each line of the blocks, and its exit code here.
FIRST_VERSION: tuple[tuple[str, int], ...] = (
    ("config", 0),
    ("explain HOST_KEY_CHANGED", 0),
    ("explain CONFIG_INVALID", 0),
    ("rules", 0),
    ("rules build", 0),
    ("schema config --out config.schema.json", 0),
    ("validate", 0),
    ("validate --no-tests", 0),
    ("validate --fix --dry-run", 0),
    ("validate --github --sarif findings.sarif", 0),
    ("validate --addon ../my_addon --no-tests", 0),
    ("validate ../my_addon", 0),
    ("validate ../my_store", 0),
    ("validate ../my_store --write-baseline baseline.json", 0),
    ("validate ../my_store --baseline baseline.json", 0),
    ("migrate ../my_addon", 0),
    ("migrate ../my_addon --write", 0),
    ("validate --addon ../other/my_addon --mode publish", 0),
    ("sync --dry-run --diff", 0),
    ("deploy --dry-run", 0),
    ("deploy --dry-run --diff", 0),
    ("sync", 0),
    ("verify --no-start", 0),
    ("verify", 0),
    ("verify --backup", 0),
    ("deploy", 0),
    ("deploy --yes", 0),
    ("deploy --resume", 2),  # the newest deploy reached its end
    ("status", 0),
    ("diagnose", 0),
    ("diagnose --bundle bundle.tar.gz", 0),
    ("logs --supervisor -n 500", 0),
    ("unlock", 0),
    ("sync --via mount", 0),
    ("sync --target kitchen --accept-new", 0),
    ("deploy --target kitchen --target workshop", 0),
    ("history", 0),
    ("history --json", 0),
    ("history --target kitchen -n 5", 0),
    ("sandbox situations", 0),
    ("sandbox up --detach --write", 0),
    ("deploy --target sandbox", 0),
    ("status --target sandbox", 0),
    ("sandbox down", 0),
    ("publish --dry-run", 0),
    ("publish", 0),
    ("publish --overwrite", 0),
)
NEXT_VERSION: tuple[tuple[str, int], ...] = (
    ("release patch --dry-run", 0),
    ("release patch", 0),
    ("release --resume", 2),  # the newest release reached its end
    ("verify-evidence reports/runs/20261123T093000Z-a1b2c3", 0),
    ("report", 0),
    ("rollback --list", 0),
    ("rollback", 0),
    ("rollback 2026.11.23.0", 0),
)
STORY = (*FIRST_VERSION, *NEXT_VERSION)
WEB = "--addon web -- sh -c curl --fail --silent --cookie"
GREETER = "--addon greeter --docker --option name=Ada --wait-log Hello, Ada --logs logs -- true"
LOGIN = '-h "$MQTT_HOST" -p "$MQTT_PORT" -u "$MQTT_USERNAME" -P "$MQTT_PASSWORD"'
METER = f"--addon meter --wait-topic meter/state -- sh -c mosquitto_sub {LOGIN} -t meter/state -C 1"
SANDBOX_PAGE = (
    f'sandbox run {WEB} "$SANDBOX_INGRESS_COOKIE" "$SANDBOX_INGRESS_URL"',
    f"sandbox run {GREETER}",
    f"sandbox run {METER}",
)
# Run elsewhere, because they need more than a workspace and a host: the test, and words that stand in it.
ELSEWHERE = {
    "release patch --target sandbox": ("tests/integration/new", 'follows(beginner, "new", "hello_lamp")'),
    "deploy --as beta --ports +1000": (
        "tests/integration/deploy",
        '"deploy", "--as", "beta", "--ports", "+1000"',
    ),
    "status --as beta": ("tests/integration/deploy", '"status", "--as", "beta"'),
    "logs --as beta": ("tests/integration/deploy", '"logs", "--as", "beta"'),
    "rollback --as beta": ("tests/integration/deploy", '"rollback", "--as", "beta"'),
    "options get": ("tests/integration/manage", '"options", "get"'),
    "options set log_level=debug --restart": ("tests/integration/manage", '"options", *words'),
    "options apply kitchen.yaml --dry-run": (
        "tests/integration/manage",
        '"options", "apply", str(file), "--dry-run"',
    ),
    "options apply kitchen.yaml --restart": (
        "tests/integration/manage",
        '"options", "apply", str(file), "--restart"',
    ),
    "pull": ("tests/integration/manage", '"pull", "--json"'),
    "pull --dry-run": ("tests/integration/manage", '"pull", "--dry-run"'),
    "remove": ("tests/integration/manage", 'command(lab, "remove")'),
    "remove --dry-run": ("tests/integration/manage", '"remove", "--dry-run"'),
    "remove --as beta": ("tests/integration/manage", '"remove", "--as", "beta"'),
    "new hello_lamp": ("tests/integration/new", '"new", "hello_lamp"'),
    "new door_bell --language shell": ("tests/integration/new", '"new", "door_bell", "--language", "shell"'),
    "deploy --verify running": ("tests/integration/deploy", 'BB8_VERIFY="running"'),
    "test --on-host": ("tests/integration/deploy", '"test", "--on-host"'),
    "dev": ("tests/integration/dev", "with running(lab) as loop"),
    "dev --json": ("tests/integration/dev", "with running(lab) as loop"),
    "dev --plain": ("tests/integration/dev", '"dev", "--once", "--plain"'),
    "dev --once": ("tests/integration/dev", '"dev", "--once", "--plain"'),
    "dev --end": ("tests/integration/dev", '"dev", "--end"'),
    "deploy --target house": ("tests/integration/rollout", '"deploy", "--target", "house"'),
    "deploy --target house --canary 1 --wave 3 --max-failures 2 --pause 60": (
        "tests/integration/rollout",
        '("--canary", "1", "--wave", "3", "--max-failures", "2", "--pause", "60")',
    ),
    "deploy --target house --resume": (
        "tests/integration/rollout",
        '"deploy", "--target", "house", "--resume"',
    ),
    "status --all": ("tests/integration/rollout", '"status", "--all"'),
    "mcp --workspace ../my_app": ("tests/integration/mcp_server", '"mcp", "--workspace"'),
    "init": ("tests/integration/init", '"init"'),
    "attest --seconds 30 --rate 10": ("tests/integration/attest", '"attest", "--seconds"'),
    "logs --follow": ("tests/integration/deploy", '"logs", "--follow"'),
    "sandbox up --situation update-pending --situation core-booting=20": (
        "tests/integration/sandbox",
        '"--situation", "core-stopped"',
    ),
    **dict.fromkeys(SANDBOX_PAGE, ("tests/integration/sandbox", "test_an_example_does_what_the_page_says")),
    "sync --via rsync": ("tests/integration/sync", "by_rsync=True"),
    "publish --image": ("tests/integration/publish", "PublishOptions(image=True)"),
    "publish --only-image aarch64": ("tests/integration/publish", "push_image(run, arch)"),
    "release auto": ("tests/integration/release", '"release", "auto"'),
    "release auto --all-changed": ("tests/integration/release", '"release", "patch", "--all-changed"'),
    "release minor --pre beta": ("tests/integration/release", "ReleaseOptions(pre=Pre.BETA)"),
    "release patch --image": ("tests/integration/publish", "PublishOptions(image=True)"),
}
BLOCKS = {" ".join(one.words[1:]) for one in commands.told() if one.block and one.words[0] == "bb8deploy"}


def test_every_command_of_a_block_is_run_by_a_test() -> None:
    assert {line for line, _ in STORY} | ELSEWHERE.keys() >= BLOCKS


def test_nothing_is_run_that_no_page_names() -> None:
    assert {line for line, _ in STORY} | ELSEWHERE.keys() <= BLOCKS


@pytest.mark.parametrize("line", sorted(ELSEWHERE))
def test_the_test_that_runs_it_is_there(line: str) -> None:
    folder, words = ELSEWHERE[line]
    tests = (commands.ROOT / folder).glob("test_*.py")
    assert [test.name for test in tests if words in test.read_text(encoding="utf-8")]


@pytest.mark.timeout(900)
def test_the_commands_of_the_pages_run_in_order(tmp_path: Path) -> None:
    with (
        open_lab(tmp_path) as lab,
        Sandbox(tmp_path / "kitchen", app=LocalApp.named("beep_boop_bb8")) as kitchen,
        Sandbox(tmp_path / "workshop", app=LocalApp.named("beep_boop_bb8")) as workshop,
    ):
        _furnish(lab, kitchen, workshop)
        try:
            _tell(lab, FIRST_VERSION)
        finally:
            _run(lab, "sandbox down")
        lab.write(run_sh=RUN_SH + "# changed\n")
        lab.git("commit", "-qam", "Change the app")
        _tell(lab, NEXT_VERSION)


def _tell(lab: Lab, story: tuple[tuple[str, int], ...]) -> None:
    for line, expected in story:
        done = _run(lab, line)
        assert done.returncode == expected, f"{line}\n{done.stdout}\n{done.stderr}"


def _run(lab: Lab, line: str) -> subprocess.CompletedProcess[str]:
    """Runs the line in the workspace, with its own cache, so that another sandbox is not touched."""
    return command(lab, *_words(lab, line), BB8DEPLOY_CACHE=str(lab.folder.parent / "cache"))


def _furnish(lab: Lab, kitchen: Sandbox, workshop: Sandbox) -> None:
    """Settings for three hosts, a repository to publish to, and two more apps beside the workspace."""
    store = lab.folder.parent / "store.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(store)], check=True, env=_quiet())
    (lab.folder / ".gitignore").write_text(
        "reports/\n.env*\nconfig.schema.json\nfindings.sarif\nbaseline.json\nbundle.tar.gz\n"
    )
    for words in (("user.name", "Ann"), ("user.email", "ann@example.org"), ("commit.gpgsign", "false")):
        lab.git("config", *words)
    (lab.addon / "repository.yaml").write_text(REPOSITORY)
    lab.git("add", "-A")
    lab.git("commit", "-qm", "Ignore what the commands write")
    # The small app of the lab has no echo, so there is nothing to attest.
    env_file(lab, MQTT_HOST="", HA_PUBLISH_REMOTE=str(store), **lab.box.mount_env())
    for name, box in (("kitchen", kitchen), ("workshop", workshop)):
        changes = {**box.env(), **box.mount_env(), "MQTT_HOST": ""}
        env_file(lab, f".env.{name}", **changes)
    shutil.copytree(lab.addon, lab.folder.parent / "my_addon")
    shutil.copytree(lab.addon, lab.folder.parent / "my_store" / "one")
    other = shutil.copytree(lab.addon, lab.folder.parent / "other" / "my_addon")
    (other / "config.yaml").write_text(config("1.0.0") + "image: registry.example/me/my_addon\n")


def _words(lab: Lab, line: str) -> list[str]:
    """The line's words, the page's example of a version and of a run replaced by those that exist here."""
    runs = sorted(path.parent.name for path in (lab.folder / "reports/runs").glob("*/evidence_manifest.json"))
    newest = f"reports/runs/{runs[-1] if runs else ''}"
    known = {"2026.11.23.0": "1.0.0", "reports/runs/20261123T093000Z-a1b2c3": newest}
    return [known.get(word, word) for word in line.split()]


def _quiet() -> dict[str, str]:
    return {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
