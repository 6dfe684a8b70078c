"""Checks saved files in milliseconds: a file with a syntax error is not delivered."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.yaml_loader import safe_loader
from bb8deploy.checks.check_one_app import judge
from bb8deploy.checks.rule_selection import fails
from bb8deploy.checks.rule_selection_file import load_selection
from bb8deploy.overlay.app_texts import is_text
from bb8deploy.runs.run import Run
from bb8deploy.workspace.project import find_project

_SHELLS = {"sh": "sh", "bash": "bash", "dash": "sh", "ash": "sh", "bashio": "bash"}
_DEADLINE = 5.0


def check_saved(run: Run, paths: Iterable[str]) -> list[Finding]:
    """The errors in these files of the app, and of the whole app if its config or build changed."""
    changed = [path for path in paths if (run.addon / path).is_file()]
    found = [one for path in changed for one in _syntax(run.addon / path, path)]
    if any(is_text(path) for path in changed):
        found += _rules(run)
    return found


def _rules(run: Run) -> list[Finding]:
    project = find_project(run.workspace, addon=run.addon)
    selection = load_selection(run.workspace)
    judged = judge(run.addon, workspace=run.workspace, profile=project.profile, selection=selection)
    return fails(judged.kept.findings, "never" if selection.fail_on == "never" else "error")


def _syntax(file: Path, path: str) -> list[Finding]:
    reader = _READERS.get(file.suffix) or (_shell if _shell_of(file) else None)
    problem = reader(file) if reader else None
    if problem is None:
        return []
    line, message = problem
    return [Finding("SYNTAX_INVALID", Level.ERROR, message, path, line)]


Problem = tuple[int | None, str] | None


def _python(file: Path) -> Problem:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno, error.msg
    except (ValueError, RecursionError, OSError) as error:
        return None, str(error)
    return None


def _json(file: Path) -> Problem:
    try:
        data = file.read_bytes()
        if b"//" not in data and b"/*" not in data:  # else it may be JSON with comments
            json.loads(data)
    except json.JSONDecodeError as error:
        return error.lineno, error.msg
    except (ValueError, RecursionError, OSError) as error:
        return None, str(error)
    return None


def _yaml(file: Path) -> Problem:
    import yaml

    try:
        for _event in yaml.parse(file.read_bytes(), safe_loader()):
            pass
    except yaml.MarkedYAMLError as error:
        return error.problem_mark.line + 1 if error.problem_mark else None, str(error.problem)
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        return None, str(error)
    return None


def _toml(file: Path) -> Problem:
    try:
        tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        return None, str(error)
    return None


def _shell(file: Path) -> Problem:
    """`sh -n` or `bash -n`, if this machine has the shell."""
    program = shutil.which(_shell_of(file) or "sh")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-n", str(file)], capture_output=True, text=True, timeout=_DEADLINE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stderr.strip().splitlines()
    return (None, said[0].removeprefix(f"{file}: ")) if done.returncode and said else None


def _shell_of(file: Path) -> str:
    """The shell that a script's first line names, empty for other files."""
    try:
        with file.open("rb") as opened:
            first = opened.readline(200)
    except OSError:
        return ""
    if not first.startswith(b"#!"):
        return ""
    words = [word.rpartition("/")[2] for word in first[2:].decode(errors="replace").split()]
    return next((_SHELLS[word] for word in words if word in _SHELLS), "")


_READERS: dict[str, Callable[[Path], Problem]] = {
    ".py": _python,
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
    ".sh": _shell,
}
