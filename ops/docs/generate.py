"""Writes the pages that are made from the code: `python -m ops.docs.generate [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ops.docs import errors as error_pages
from ops.docs.markdown import BY, table

from bb8deploy.catalogue.error_code import Area

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 80


def cli() -> str:
    """docs/cli.md: the `--help` of every command."""
    from typer.main import get_command

    from bb8deploy.cli.command_groups import COMMANDS, build

    root = get_command(build())
    context = root.make_context("bb8deploy", [], resilient_parsing=True, terminal_width=WIDTH)
    parts = ["# Commands", "", BY, "", "The text of each `--help`. Exit codes: [errors.md](errors.md)."]
    for name, words in [("bb8deploy", root.get_help(context).rstrip()), *_commands(root, context, COMMANDS)]:
        parts += ["", f"## {name}", "", "```text", words, "```"]
    return "\n".join(parts) + "\n"


def tokens() -> str:
    """docs/tokens.md: the catalogue."""
    from bb8deploy.runs.tokens import CATALOGUE

    rows = ((f"`{t}`", m.lane, m.observed, ", ".join(m.receipts)) for t, m in CATALOGUE.items())
    return f"{_TOKENS_HEAD}\n{table(('token', 'lane', 'written only when', 'receipt'), rows)}"


def rules() -> str:
    """docs/rules.md: the table of lane 1's rules."""
    from bb8deploy.catalogue.rules_listing import page

    return page()


def editor_schema() -> str:
    """schema/config.schema.json: the schema of config.yaml that editors load by its address."""
    from bb8deploy.checks.output.editor_schema import published

    return published()


def settings() -> str:
    """docs/settings.md: every key of `.env`."""
    from bb8deploy.settings.settings_table import KEYS

    rows = (
        (
            f"`{key.name}`" + "".join(f" or `{alias}`" for alias in key.aliases),
            key.help + (" (secret)" if key.secret else ""),
            f"`{key.default}`" if key.default else "",
            f"`{key.example}`" if key.example else "",
            f"`{key.project}`" if key.project else "",
        )
        for key in KEYS
    )
    known = table(("setting", "what it is", "default", "example", "in bb8deploy.toml"), rows)
    others = table(("variable", "what it does"), ((f"`{name}`", text) for name, text in ENVIRONMENT))
    return f"{_SETTINGS_HEAD}\n{known}\n{_ENVIRONMENT_HEAD}\n{others}"


def release_states() -> str:
    """docs/release-states.md: the state machine of a release, drawn from its tables."""
    from bb8deploy.plan.release.release_states import diagram

    return f"{_STATES_HEAD}\n{diagram()}"


def env_example() -> str:
    """.env.example: the same keys, to copy; those without a default are commented out."""
    from bb8deploy.settings.settings_table import KEYS

    lines = ["# Copy to .env (mode 0600) or let `bb8deploy init` write it. Every key is optional by itself;"]
    lines += ["# a deploy needs a host (HA_SSH_HOST_ALIAS or HA_MOUNT) and HA_REMOTE_RUNTIME for ssh."]
    lines += [
        "# For several hosts, put the settings of each into .env.NAME; bb8deploy.toml can group them.",
        "",
    ]
    for key in KEYS:
        lines += [f"# {key.help}" + (", a secret" if key.secret else "")]
        lines += [f"#{key.name}={key.example or key.default}", ""]
    return "\n".join(lines).rstrip() + "\n"


def contracts() -> str:
    """docs/contracts.md: the JSON documents of the lanes."""
    from bb8deploy.cli.schema_names import document, names
    from bb8deploy.runs.contracts.base import Contract

    shared = set(Contract.model_fields)
    parts = [_CONTRACTS_HEAD, ", ".join(f"`{name}`" for name in Contract.model_fields) + "."]
    for name in names():
        if name == "config":
            continue
        schema = document(name)
        own = {k: v for k, v in schema.get("properties", {}).items() if k not in shared}
        rows = ((f"`{field}`", _kind(value)) for field, value in own.items())
        about = str(schema.get("description", "")).split("\n\n")[0].replace("\n", " ")
        parts += ["", f"## {name}", "", about, "", table(("field", "type"), rows).rstrip()]
    return "\n".join(parts).rstrip() + "\n"


def supervisor_rules() -> str:
    """docs/supervisor_rules.md: the Supervisor's schema as a table."""
    from bb8deploy.checks.output.supervisor_rules_page import page

    return page()


def troubles() -> str:
    """docs/troubles.md: the problems that diagnose knows by name."""
    from bb8deploy.catalogue.code_lookup import entries
    from bb8deploy.plan.known_problems import TABLE

    rows = ((entries()[rule.name].title, rule.remedy, error_pages.link(rule.name)) for rule in TABLE)
    return f"{_TROUBLES_HEAD}\n{table(('problem', 'remedy', 'code'), rows)}"


_STATES_HEAD = """# The states of a release

Written by `python -m ops.docs.generate` from `src/bb8deploy/plan/release/release_states.py`; a test
compares it with the code.

Each state means what the release has observed. A step that fails or is killed leaves the state as it is;
`bb8deploy release --resume` reads it from the journal and continues there. A publication is never undone.

## A release
"""

PAGES: dict[str, Callable[[], str]] = {
    "docs/cli.md": cli,
    "docs/contracts.md": contracts,
    "docs/errors.md": error_pages.index,
    **{f"docs/errors/{area}.md": partial(error_pages.page, area) for area in Area},
    "docs/release-states.md": release_states,
    "docs/rules.md": rules,
    "schema/config.schema.json": editor_schema,
    "docs/settings.md": settings,
    "docs/supervisor_rules.md": supervisor_rules,
    "docs/tokens.md": tokens,
    "docs/troubles.md": troubles,
    ".env.example": env_example,
}

ENVIRONMENT = (
    (
        "BB8DEPLOY_CACHE",
        "folder for virtual environments, images and the sandbox; everything in it can be created again",
    ),
    ("BB8DEPLOY_DEBUG", "any value: a defect of bb8deploy shows its traceback"),
    ("BB8DEPLOY_PLAIN", "any value: plain lines without frames or a moving line; for screen readers"),
    ("CI", "any value: no moving line"),
    ("COLUMNS", "width of tables on a terminal"),
    ("GITHUB_ACTIONS", "`true`: errors are also annotations"),
    ("NO_COLOR", "any value: no colors; files and pipes never have colors"),
    ("TERM", "`dumb`: the same as BB8DEPLOY_PLAIN"),
)

_TOKENS_HEAD = f"""\
# Tokens

{BY}

A token is one line: `TOKEN: NAME`, then ` key=value` pairs. It goes to stdout and into the receipts of
its lane under `reports/`, so that one `grep` finds it:

```sh
grep -nE '^TOKEN:' reports/*.txt
```

After a deploy to several targets, the receipts are in `reports/targets/NAME/`.

A token is never false. The code that writes it has observed the fact in this run. A check that was not
made writes `SKIPPED: NAME reason=...`, a failed one `DRIFT: CODE detail=...`. Every run of a lane empties
the receipts of that lane first, so a receipt in the workspace has the newest run only. The receipt on the
host (`HA_REPORTS_DIR`) is only appended to. A terminal shows 12 digits of a hash, the receipts have all of
them.

ROLLBACK_OK needs a sign that this content ran before: a report in the app's log, or the record of an earlier
run. The report of a sealed build that was given edited files does not count; the report of an app without a
seal does, because a stamp cannot show that a file was edited during its build.
"""
_SETTINGS_HEAD = f"""\
# Settings

{BY}

Settings come from `bb8deploy.toml`, then from `.env`, from `.env.NAME` with `--target NAME`, and from the
environment. Later sources override earlier ones. `bb8deploy config` shows each value with its origin and
masks secrets. Lines in `.env` may begin with `export`. `.env.example` has the same keys to copy.

## bb8deploy.toml

`bb8deploy.toml` at the root of the repository, or the table `[tool.bb8deploy]` of pyproject.toml, has the
settings that all developers share, and is committed. Secrets and the settings of one machine stay in `.env`.
Besides the names in the last column below, it has:

| name | what it is |
| --- | --- |
| `addon` | the app's folder, if there are several apps or it is not found |
| `tests`, `coverage_threshold` | the folder of the app's tests; the minimum coverage in percent |
| `profile` | `generic`, or `bb8` for the rules about files that only the BB-8 app has |
| `[apps.FOLDER]` | `tests`, `coverage_threshold` and `profile` of one app of several |
| `exclude` | folders of apps that `release --all-changed` leaves out, such as `["lab"]` |
| `[groups]` | names for lists of targets, such as `cottages = ["cabin", "home"]` |
| `[validate]` | the settings of [validate](lanes/validate.md) |

A group can also be a table that sets the pace of a rollout
([operate.md](operate.md#several-hosts)):

| name in `[groups.NAME]` | what it is | default |
| --- | --- | --- |
| `targets` | the targets, in this order | |
| `canary` | how many targets come first, alone, or their names | 0 |
| `wave` | targets in each later wave, at most 32 | 32 |
| `max-failures` | no wave begins after this many hosts failed; a failed canary always stops the rollout | 1 |
| `pause` | seconds between waves | 0 |

In a repository with several apps `{{slug}}` stands for the slug of the app, as in
`HA_REMOTE_RUNTIME=/addons/{{slug}}` and `image = "ghcr.io/you/{{slug}}"`.

## All settings
"""
_TROUBLES_HEAD = f"""\
# Known problems

{BY}

`bb8deploy diagnose` checks settings, host, Supervisor, app (add-on), broker and robot without changing
anything. Each line has what was observed and one remedy. It recognizes these problems by name, from
several observations together.
"""
_ENVIRONMENT_HEAD = """\
## The environment of bb8deploy

These variables are read from the environment only. They change where files
are cached and what is printed, not what a command does.
"""
_CONTRACTS_HEAD = f"""\
# JSON contracts

{BY}

Each lane writes one JSON document to `reports/runs/<run id>/`. `reports/latest.json` names the newest run.
`bb8deploy schema NAME` prints the JSON Schema of a contract. All contracts have these fields:
"""


def _commands(group: Any, above: Any, order: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The full name and help text of a group's commands; `above` is the group's own context."""
    for name in (one.replace("_", "-") for one in order):
        command = group.commands.get(name)
        if command is None:
            continue
        context = command.make_context(name, [], parent=above, resilient_parsing=True)
        if hasattr(command, "commands"):
            yield from _commands(command, context, sorted(command.commands))
        else:
            yield context.command_path, command.get_help(context).rstrip()


def _kind(schema: dict[str, Any]) -> str:
    """A JSON Schema's type in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", schema.get("const", "any")))


def stale() -> list[str]:
    """The pages that differ from what the code makes."""
    return [name for name, make in PAGES.items() if _present(name) != make()]


def _present(name: str) -> str:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def main() -> int:
    """Writes the stale pages; with --check only names them."""
    from bb8deploy.base.atomic_files import write_text

    names = stale()
    for name in names:
        if "--check" not in sys.argv[1:]:
            write_text(ROOT / name, PAGES[name]())
        print(f"{'stale' if '--check' in sys.argv[1:] else 'wrote'}: {name}")
    return 1 if names and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
