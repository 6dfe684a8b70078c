"""What every test run does: says how long it takes, groups its skips, and can interrupt what it starts."""

from __future__ import annotations

import hashlib
import signal
import time
from collections import Counter

import pytest

# A shell without job control starts a background job with SIGINT ignored, nohup starts one with SIGHUP
# ignored, and all programs below inherit that: a test that interrupts one would wait forever. A handler of
# our own is not inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)

_FIRST_GUESS = "about 5 minutes on two cores, longer on a busy machine"
_LONG = 30.0  # seconds; shorter runs are not announced
_started = pytest.StashKey[float]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Announces how long the run takes, before it starts: the time of the last one with these arguments."""
    config = session.config
    config.stash[_started] = time.monotonic()
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    cache = getattr(config, "cache", None)
    last = cache.get(_key(config), None) if cache else None
    whole = not config.option.file_or_dir
    if last is None and whole:
        _say(config, f"first run here: it takes {_FIRST_GUESS}")
    elif last and last > _LONG:
        _say(config, f"the last run took {_minutes(last)}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remembers the time of a run that was not cut short."""
    config = session.config
    cache = getattr(config, "cache", None)
    if cache and not hasattr(config, "workerinput") and exitstatus in {0, 1}:
        cache.set(_key(config), time.monotonic() - config.stash[_started])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to skip, with the number of tests that it concerns."""
    reports = terminalreporter.getreports("skipped")
    reasons = Counter(_reason(report) for report in reports)
    if reasons:
        terminalreporter.section(f"{len(reports)} skipped")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:5}  {reason}")


def _say(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        reporter.write_line(text, flush=True)


def _key(config: pytest.Config) -> str:
    """A name for what is run; pytest makes a file of it, so it must be short."""
    words = [config.option.markexpr, config.option.keyword, *sorted(config.option.file_or_dir)]
    return "bb8deploy/seconds/" + hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    text = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
    for prefix in ("Skipped: ", "SKIPPED: "):
        text = text.removeprefix(prefix)
    return text
