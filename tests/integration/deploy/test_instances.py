"""An app and an instance of it on one host: each is proven, and neither touches the other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.integration.deploylab import SLUG, Lab, command, config, env_file, open_lab
from tests.integration.small_addon import RUN_SH

from bb8deploy.lanes.host_session import connected

pytestmark = pytest.mark.e2e
PORTS = "ports:\n  8080/tcp: 18080\n  8081/tcp: null\n"
BETA = f"{SLUG}_beta"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A host with the app deployed as itself."""
    with open_lab(tmp_path) as made:
        made.write(config=config("1.0.0") + PORTS)
        made.git("commit", "-qam", "Open ports")
        env_file(made)
        assert told(made, "deploy").count("TOKEN: VERIFY_OK") == 1
        yield made


def told(lab: Lab, *words: str) -> str:
    done = command(lab, *words)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def refused(lab: Lab, *words: str) -> str:
    done = command(lab, *words)
    assert done.returncode, done.stdout
    return done.stderr


def on_host(lab: Lab, folder: str) -> dict[str, object]:
    parsed = yaml.safe_load((lab.box.local_root / folder / "config.yaml").read_text("utf-8"))
    assert isinstance(parsed, dict)
    return parsed


def installed(lab: Lab, slug: str) -> dict[str, object]:
    data = lab.box.call("GET", f"/addons/{slug}/info")
    assert isinstance(data, dict)
    return data


def content(lab: Lab) -> dict[str, bytes]:
    """Every file of the app's own folder on the host."""
    root = lab.box.local_root / "beep_boop_bb8"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_an_instance_beside_its_app(lab: Lab) -> None:
    before, workspace = content(lab), lab.git("rev-parse", "HEAD:addon")
    said = told(lab, "deploy", "--as", "beta", "--ports", "+1000")
    for token in ("CLEAN_RUNTIME_OK", "VERIFY_OK", "RUNTIME_TOPOLOGY_OK", "DEPLOY_SSH_OK"):
        assert f"TOKEN: {token}" in said
    tree = json.loads(before["build_stamp.json"])["tree"]
    assert f"TOKEN: CLEAN_RUNTIME_OK tree={tree}" in said, "the digest is that of the workspace's tree"
    made = on_host(lab, "beep_boop_bb8_beta")
    assert (made["slug"], made["name"]) == ("beep_boop_bb8_beta", "Beep (beta)")
    assert made["ports"] == {"8080/tcp": 19080, "8081/tcp": None}
    assert {installed(lab, slug)["state"] for slug in (SLUG, BETA)} == {"started"}
    assert "target default as beta" in told(lab, "status", "--as", "beta")
    assert "IDENTITY version=1.0.0" in told(lab, "logs", "--as", "beta")

    lab.write(run_sh=RUN_SH + "# changed\n")
    told(lab, "deploy", "--as", "beta")
    assert on_host(lab, "beep_boop_bb8_beta")["ports"] == {"8080/tcp": 19080, "8081/tcp": None}
    assert "run `bb8deploy deploy`" in told(lab, "status"), "the app itself has the earlier content"
    assert "no drift" in told(lab, "status", "--as", "beta")
    assert "TOKEN: ROLLBACK_OK" in told(lab, "rollback", "--as", "beta")
    again = "`bb8deploy deploy --as beta` sends the workspace's files again"
    assert f"the last run restored 1.0.0; {again}" in told(lab, "status", "--as", "beta")

    told(lab, "deploy", "--as", "beta", "--ports", "drop")
    assert on_host(lab, "beep_boop_bb8_beta")["ports"] == {"8080/tcp": None, "8081/tcp": None}
    assert content(lab) == before, "nothing of the app's own folder was touched"
    assert lab.git("rev-parse", "HEAD:addon") == workspace
    assert lab.git("status", "--porcelain").split() == ["M", "addon/run.sh"]


def test_a_lock_of_the_app_leaves_its_instance_free(lab: Lab) -> None:
    run = lab.run()
    with connected(run) as host, host.lock(run):
        assert "HOST_LOCKED" in refused(lab, "deploy")
        told(lab, "deploy", "--as", "beta")


def test_an_app_with_the_slug_of_the_instance_keeps_its_folder(lab: Lab) -> None:
    other = lab.folder / "other"
    subprocess.run(["cp", "-r", str(lab.addon), str(other)], check=True)
    text = (other / "config.yaml").read_text("utf-8")
    (other / "config.yaml").write_text(
        text.replace("slug: beep_boop_bb8", "slug: beep_boop_bb8_beta").replace("18080", "18090")
    )
    folder = lab.environ["HA_REMOTE_RUNTIME"] + "_beta"
    env_file(lab, ".env.other", HA_REMOTE_RUNTIME=folder, HA_REMOTE_SLUG=BETA)
    told(lab, "deploy", "--target", "other", "--addon", str(other))
    assert "RUNTIME_NOT_OURS" in refused(lab, "deploy", "--as", "beta", "--yes")
    told(lab, "deploy", "--as", "gamma")
    env_file(
        lab, ".env.other", HA_REMOTE_RUNTIME=folder.replace("_beta", "_gamma"), HA_REMOTE_SLUG=f"{SLUG}_gamma"
    )
    text = (other / "config.yaml").read_text("utf-8")
    (other / "config.yaml").write_text(text.replace("bb8_beta", "bb8_gamma"))
    assert "RUNTIME_NOT_OURS" in refused(lab, "deploy", "--target", "other", "--addon", str(other), "--yes")


def test_an_app_in_a_folder_of_any_name_with_the_slug_of_the_instance_keeps_running(lab: Lab) -> None:
    other = lab.box.local_root / "precious"
    subprocess.run(["cp", "-r", str(lab.addon), str(other)], check=True)
    text = (other / "config.yaml").read_text("utf-8")
    (other / "config.yaml").write_text(text.replace("slug: beep_boop_bb8", "slug: beep_boop_bb8_beta"))
    lab.box.call("POST", "/store/reload")
    lab.box.call("POST", f"/store/addons/{BETA}/install")
    assert "precious claims the slug" in refused(lab, "deploy", "--as", "beta", "--yes")
    assert not (lab.box.local_root / "beep_boop_bb8_beta").exists()
    assert installed(lab, BETA)["name"] == installed(lab, SLUG)["name"]


def test_an_app_that_names_an_image_is_built_on_the_host(lab: Lab) -> None:
    lab.write(config=config("1.0.1") + PORTS + "image: ghcr.io/nobody/beep\n")
    done = command(lab, "deploy")
    assert done.returncode == 0, done.stderr
    assert "names the image ghcr.io/nobody/beep" in done.stderr
    assert "TOKEN: VERIFY_OK version=1.0.1" in done.stdout
    assert "image" not in on_host(lab, "beep_boop_bb8")
    assert "image: ghcr.io/nobody/beep" in (lab.addon / "config.yaml").read_text("utf-8")
    again = told(lab, "deploy")
    assert "TOKEN: DEPLOY_OK" not in again, "nothing has to be done"
