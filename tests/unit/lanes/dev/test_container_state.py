"""What the dev loop knows of a container, and the way that follows from it."""

from __future__ import annotations

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.lanes.dev.container_state import Container, attached, purpose_of, way_of
from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery import deliver
from bb8deploy.overlay.live.choose_way import Choice, Way
from bb8deploy.overlay.live.dev_overlay import FOLDER
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.tree_digest import Manifest as Tree
from bb8deploy.workspace.tree_digest import bytes_entry

CONFIG = b"name: A\nversion: '1'\nslug: a\narch: [amd64]\n"
DOCKERFILE = b"FROM ghcr.io/home-assistant/base:3.22\nCOPY rootfs /\n"


def app(**files: str) -> AppSource:
    """An app; `a__b` is the path a/b below rootfs."""
    own = {f"rootfs/{path.replace('__', '/')}": text.encode() for path, text in files.items()}
    every = {"config.yaml": CONFIG, "Dockerfile": DOCKERFILE, **own}
    tree = Tree.of(bytes_entry(path, data) for path, data in every.items())
    return AppSource("1", "a", tree, every, ("amd64",))


def stamp(source: AppSource, run: str = "run-2") -> Stamp:
    return Stamp("1", source.tree.digest, "abc", run)


def way(source: AppSource, container: Container | None) -> Way:
    return way_of(source, stamp(source), container).way


BUILT = app(app__a="1", etc__services_d__run="1")


def test_without_a_container_of_the_loop_it_is_built() -> None:
    assert way(BUILT, None) is Way.BUILD


def with_files(**files: bytes) -> AppSource:
    every = {**BUILT.texts, **{name.replace("__", "."): data for name, data in files.items()}}
    return AppSource("1", "a", Tree.of(bytes_entry(p, d) for p, d in every.items()), every, ("amd64",))


@pytest.mark.parametrize(
    "source",
    [
        with_files(Dockerfile=DOCKERFILE + b'CMD ["/run.sh"]\n'),
        with_files(config__yaml=CONFIG + b"map: [addons]\n"),
    ],
)
def test_an_app_that_only_a_build_can_change_is_sent_as_a_deploy_sends_it(source: AppSource) -> None:
    """s6-overlay cannot start a CMD again, and an agent would take another service for it."""
    assert way(source, Container.of_build("run-1", source.tree)) is Way.BUILD
    purpose = purpose_of("a", stamp(source), source, way_of(source, stamp(source), None), None)
    assert (purpose.live, purpose.proof) == (None, Proof.SEALED)


def test_an_app_that_can_prove_nothing_is_refused_before_it_is_sent() -> None:
    source = with_files(config__yaml=CONFIG + b"image: a/b\n")
    with pytest.raises(CheckFailed) as caught:
        purpose_of("a", stamp(source), source, way_of(source, stamp(source), None), None)
    assert caught.value.code == "VERIFY_IMPOSSIBLE"


def test_a_file_that_was_added_live_and_deleted_again_must_go() -> None:
    """Also if the delivery that added it was overtaken before it was proven."""
    container = Container.of_build("run-1", BUILT.tree).sees(app(app__a="1", app__b="2").tree)
    assert way(BUILT, container) is Way.LIVE
    purpose = purpose_of("a", stamp(BUILT), BUILT, Choice(Way.LIVE, ""), container)
    made = deliver(BUILT, stamp(BUILT), purpose)
    assert b"/app/b\n" in made.contents[f"{FOLDER}/gone"]


def test_a_file_that_took_the_place_of_one_of_the_base_comes_back_by_a_build() -> None:
    container = Container.of_build("run-1", BUILT.tree).sees(app(app__a="1", etc__hosts="2").tree)
    assert way(BUILT, container) is Way.BUILD


def test_what_s6_has_read_counts_from_the_start_of_the_container() -> None:
    tree = Tree.of([*BUILT.tree.entries, bytes_entry("rootfs/etc/services.d/a/run", b"2")])
    other = AppSource("1", "a", tree, BUILT.texts, ("amd64",))
    container = Container.of_build("run-1", BUILT.tree)
    assert way(other, container) is Way.RESTART
    restarted = container.sees(other.tree).restarted(other.tree)
    assert way(other, restarted) is Way.LIVE


def test_a_later_session_reads_all_of_it_from_the_host() -> None:
    container = Container.of_build("run-1", BUILT.tree).sees(app(app__a="1", app__b="2").tree)
    made = deliver(BUILT, stamp(BUILT), purpose_of("a", stamp(BUILT), BUILT, Choice(Way.LIVE, ""), container))
    lists = [made.contents[f"{FOLDER}/{name}"].decode() for name in ("built", "began", "seen")]
    again = attached("run-1", *lists)
    assert again
    assert (again.built, again.began, again.seen) == (container.built, container.began, container.seen)
    assert attached("", *lists) is None
    assert attached("run-1", lists[0], lists[1], "torn {") is None


def test_after_a_delivery_without_proof_the_earlier_files_are_delivered_again() -> None:
    """The container may have them, so what it reported before is no longer what it runs."""
    other = app(app__a="2")
    container = Container.of_build("run-1", BUILT.tree)
    assert container.has(BUILT.tree)
    unproven = container.sees(other.tree)
    assert not unproven.has(BUILT.tree)
    assert (way(BUILT, unproven), unproven.live(BUILT.tree).has(BUILT.tree)) == (Way.LIVE, True)


def test_a_start_script_is_taken_back_by_a_restart_even_if_it_was_never_proven() -> None:
    other = app(app__a="1", etc__services_d__run="2")
    unproven = Container.of_build("run-1", BUILT.tree).sees(other.tree, Way.RESTART)
    assert way(BUILT, unproven) is Way.RESTART
    assert way(BUILT, unproven.sees(app(app__a="2").tree, Way.LIVE)) is Way.RESTART
    assert way(BUILT, unproven.restarted(BUILT.tree)) is Way.LIVE


def test_a_container_that_others_restart_begins_with_the_newest_delivery() -> None:
    container = Container.of_build("run-1", BUILT.tree)
    assert container.restarted_by_others() == container
    assert not container.sees(app(app__a="2").tree).restarted_by_others().has(BUILT.tree)
