"""Where the long-lived access token comes from."""

from __future__ import annotations

import pytest
from tests.integration.sync.conftest import Lab

from bb8deploy.base.errors import UsageError
from bb8deploy.base.secret import Secret
from bb8deploy.host.long_lived_token import long_lived_token


def found(lab: Lab, **settings: str) -> Secret | None:
    lab.environ.update(settings)
    with lab.host() as host:
        return long_lived_token(lab.run().settings, lab.addon, host)


def test_the_setting_comes_first(lab: Lab) -> None:
    assert found(lab, HA_LLAT="from-env") == Secret("from-env")


def test_then_the_workspace(lab: Lab) -> None:
    (lab.addon / "secrets.yaml").write_text("HA_LLAT_KEY: eyJ.local.x  # unquoted\n")
    assert found(lab) == Secret("eyJ.local.x")


def test_then_the_host(lab: Lab) -> None:
    (lab.addon / "secrets.yaml").unlink()
    lab.runtime.mkdir()
    (lab.runtime / "secrets.yaml").write_text('other: x\nmy_token: "eyJ.host.x"\n')
    path = f"{lab.runtime}/secrets.yaml"
    assert found(lab, HA_SECRETS_PATH=path, HA_LLAT_KEY="my_token") == Secret("eyJ.host.x")


def test_or_nowhere(lab: Lab) -> None:
    (lab.addon / "secrets.yaml").write_text("")
    assert found(lab) is None
    assert found(lab, HA_SECRETS_PATH=f"{lab.runtime}/absent.yaml") is None


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text", "a: [", "\x00"])
def test_a_file_that_is_not_a_mapping_is_refused_without_quoting_it(lab: Lab, text: str) -> None:
    (lab.addon / "secrets.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        found(lab)
    assert caught.value.code == "SECRETS_INVALID"
    assert "just text" not in str(caught.value)
