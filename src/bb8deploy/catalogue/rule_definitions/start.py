"""Rules about the start of the container: process 1, AppArmor, services and scripts."""

from __future__ import annotations

from bb8deploy.base.findings import Level
from bb8deploy.catalogue.rule_definitions.rule_definition import Rule, RuleArea

_S6 = "s6-overlay 3"
_KERNEL = "execve(2)"
_BB8 = "this project's procedure"

RULES: tuple[Rule, ...] = (
    Rule(
        "INIT_NOT_OFF", RuleArea.START, Level.ERROR, "s6-overlay needs `init: false`",
        "The base image starts s6-overlay 3 as /init, which must be process 1. Without `init: false` Docker"
        " puts its own init there, and the container stops with `s6-overlay-suexec: fatal: can only run as pid"
        " 1`.",
        "Add `init: false` to the config.",
        "developers.home-assistant.io, blog of 2022-05-12; s6-overlay README",
        since="base images of 2022-05",
    ),
    Rule(
        "APPARMOR_INVALID", RuleArea.START, Level.ERROR, "the Supervisor rejects apparmor.txt",
        "The Supervisor looks for one line that begins with `profile NAME`. Without it, or with two different"
        " names, the install and every update fail.",
        "Keep one profile per file, in a line that begins with `profile NAME`.",
        "supervisor/utils/apparmor.py (get_profile_name)",
    ),
    Rule(
        "APPARMOR_IDLE", RuleArea.START, Level.NOTE, "apparmor.txt is not used",
        "`apparmor: false` switches the profile off.",
        "Remove `apparmor: false`, or the file.",
        "supervisor/docker/app.py (security_opt)",
    ),
    Rule(
        "SERVICE_UNDEFINED", RuleArea.START, Level.WARNING, "a service that s6-rc does not know",
        "The bundle names a service whose folder or `type` file is missing. If the base image does not define"
        " it either, s6-rc-compile stops and the container does not start.",
        "Add the service's folder with a `type` file, or remove it from contents.d.",
        "skarnet.org, s6-rc-compile",
        since="s6-overlay 3",
    ),
    Rule(
        "SERVICE_NO_EXEC", RuleArea.START, Level.ERROR, "a service that cannot be stopped",
        "The service's run script starts its program without exec, so s6 signals the shell and not the"
        " program.",
        "Start the program with exec.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "RUN_SH_NO_EXEC", RuleArea.START, Level.ERROR, "run.sh does not exec the bridge",
        "A shell that stays in between does not pass on SIGTERM: a stop takes the whole timeout, and the robot"
        " keeps rolling.",
        'End run.sh with exec "${VIRTUAL_ENV:-/opt/venv}/bin/python" -m bb8_core.main.',
        _BB8,
        profile="bb8",
    ),
    Rule(
        "SCRIPT_NO_SHEBANG", RuleArea.SCRIPTS, Level.WARNING, "a start script without `#!`",
        "The first line names no interpreter, so the kernel cannot run the file: `exec format error`. Shells"
        " run it as sh, s6 does not.",
        "Begin the file with #!/usr/bin/env bash or #!/usr/bin/with-contenv bashio.",
        _KERNEL,
        strict=Level.ERROR,
    ),
    Rule(
        "SCRIPT_CRLF", RuleArea.SCRIPTS, Level.WARNING, "Windows line endings in a script",
        "Linux looks for an interpreter whose name ends in a carriage return, and the start fails with `not"
        " found`.",
        "Save the file with Unix line endings. `* text=auto eol=lf` in .gitattributes keeps them.",
        _KERNEL,
        fixable=True,
        strict=Level.ERROR,
    ),
    Rule(
        "SCRIPT_NOT_EXECUTABLE", RuleArea.SCRIPTS, Level.WARNING, "a start script without the executable bit",
        "The script is run by its path and lacks the executable bit, and no instruction of the Dockerfile"
        " sets it. The start fails with `Permission denied`. (s6-rc sets the bit of `run` and `finish` in"
        " s6-rc.d by itself; those are not reported.)",
        "Set the executable bit (chmod +x). In git: git update-index --chmod=+x FILE.",
        f"{_S6} (scripts/cont-init, services-up); {_KERNEL}",
        fixable=True,
        strict=Level.ERROR,
    ),
    Rule(
        "SCRIPT_SHELLCHECK", RuleArea.SCRIPTS, Level.NOTE, "advice from shellcheck",
        "shellcheck found a problem in a script. A problem that keeps a shell from reading the file is a"
        " warning; everything else is a note.",
        "Read the page of the SC number. `# shellcheck disable=SC...` silences a false alarm.",
        "shellcheck.net",
        strict=Level.WARNING,
    ),
    Rule(
        "SHELLCHECK_SKIPPED", RuleArea.SCRIPTS, Level.NOTE, "shellcheck was not run",
        "shellcheck is not installed or did not answer, so the content of the scripts was not checked.",
        "Install shellcheck to have the scripts checked.",
        "shellcheck.net",
    ),
)  # fmt: skip
