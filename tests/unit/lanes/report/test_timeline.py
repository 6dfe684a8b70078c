"""Journals of every kind become a timeline that neither invents nor hides a step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bb8deploy.lanes.report.report_records import RecordedStep, TimelineStep
from bb8deploy.lanes.report.timeline import failed, timeline
from bb8deploy.runs.journal import JournalEntry

BEGAN = datetime(2026, 11, 23, tzinfo=UTC)


def at(second: float, step: str, state: str = "started", **facts: object) -> JournalEntry:
    return JournalEntry(step, state, dict(facts), (BEGAN + timedelta(seconds=second)).isoformat())


def test_steps_have_begin_length_and_depth() -> None:
    told = timeline(
        [
            at(0, "release: deploy"),
            at(1, "send"),
            at(3.5, "send", "done", files=3),
            at(4, "release: deploy", "done"),
        ]
    )
    assert told.steps == (
        TimelineStep("deploy", "done", 0.0, 4.0, 0),
        TimelineStep("send", "done", 1.0, 2.5, 1, facts=(("files", "3"),)),
    )
    assert told.seconds == 4.0


def test_the_wrapping_step_of_a_whole_command_is_left_out() -> None:
    told = timeline([at(0, "deploy"), at(0, "send"), at(1, "send", "done"), at(1, "deploy", "done")])
    assert [(step.name, step.depth) for step in told.steps] == [("send", 0)]


def test_a_failed_step_reports_why() -> None:
    told = timeline([at(0, "send"), at(1, "send", "failed", error="the disk is full")])
    assert told.steps == (TimelineStep("send", "failed", 0.0, 1.0, 0, "the disk is full"),)


def test_a_killed_run_leaves_its_step_stopped_at_the_last_thing_known() -> None:
    told = timeline([at(0, "build"), at(2, "look"), at(3, "look", "done")])
    assert told.steps[0] == TimelineStep("build", "stopped", 0.0, 3.0, 0)


def test_a_resume_goes_on_without_the_pause() -> None:
    first = [at(0, "release: preflight"), at(1, "release: preflight", "done"), at(1, "release: deploy")]
    second = [
        at(9000, "release: preflight"),
        at(9001, "release: preflight", "done"),
        at(9001, "release: deploy"),
        at(9003, "release: deploy", "done"),
    ]
    told = timeline([*first, *second])
    assert [(s.name, s.state, s.begin, s.seconds) for s in told.steps] == [
        ("preflight", "done", 0.0, 1.0),
        ("deploy", "stopped", 1.0, 0.0),
        ("preflight", "done", 1.0, 1.0),
        ("deploy", "done", 2.0, 2.0),
    ]
    assert told.resumed == (1.0,)
    assert told.seconds == 4.0


def test_what_failed_before_a_resume_does_not_fail_the_run() -> None:
    first = [at(0, "release: preflight"), at(1, "send"), at(2, "send", "failed", error="x")]
    assert failed(first)
    assert not failed([*first, at(5, "release: preflight"), at(6, "release: preflight", "done")])


def test_a_release_step_that_raised_is_failed_as_in_its_contract() -> None:
    planned = [RecordedStep("preflight", "done"), RecordedStep("deploy", "failed")]
    told = timeline([at(0, "release: deploy"), at(1, "send"), at(2, "send", "failed")], planned)
    assert [(step.name, step.state) for step in told.steps] == [("deploy", "failed"), ("send", "failed")]


def test_steps_that_did_not_run_are_in_their_place_with_the_reason() -> None:
    planned = [
        RecordedStep("preflight", "done"),
        RecordedStep("deploy", "done"),
        RecordedStep("attest", "skipped", "MQTT_HOST is not set"),
        RecordedStep("tag", "done"),
    ]
    journal = [
        *(at(0, "release: preflight"), at(1, "release: preflight", "done")),
        *(at(1, "release: deploy"), at(1, "send")),
        *(at(2, "send", "done"), at(2, "release: deploy", "done")),
        *(at(2, "release: tag"), at(3, "release: tag", "done")),
    ]
    told = timeline(journal, planned)
    assert [step.name for step in told.steps] == ["preflight", "deploy", "send", "attest", "tag"]
    assert told.steps[3] == TimelineStep("attest", "skipped", note="MQTT_HOST is not set")


def test_entries_that_are_not_steps_are_left_out() -> None:
    told = timeline([at(0, "synced", "done", changed=["a"]), at(0, "TAG_OK", "earned", lane="publish")])
    assert told.steps == ()


def test_an_empty_journal_is_an_empty_timeline() -> None:
    told = timeline([], [RecordedStep("preflight", "not reached")])
    assert told.steps == (TimelineStep("preflight", "not reached"),)
    assert told.seconds == 0.0


def test_a_clock_that_was_set_back_gives_no_negative_length() -> None:
    told = timeline([at(100, "send"), at(40, "send", "done")])
    assert told.steps[0].seconds == 0.0


def test_a_step_inside_another_does_not_repeat_its_name() -> None:
    told = timeline(
        [
            *(at(0, "release: publish"), at(0, "publish: push"), at(1, "publish: push", "done")),
            *(at(1, "tag"), at(1, "tag", "done"), at(1, "release: publish", "done")),
            *(at(1, "release: tag"), at(1, "tag"), at(2, "tag", "done"), at(2, "release: tag", "done")),
        ]
    )
    assert [(step.name, step.depth) for step in told.steps] == [
        ("publish", 0),
        ("push", 1),
        ("tag", 1),
        ("tag", 0),
    ]
