"""docs/errors.md and docs/errors/<area>.md, made from the catalogue of codes."""

from __future__ import annotations

from collections import defaultdict

from ops.docs.markdown import BY, table

from bb8deploy.base import errors as tree
from bb8deploy.catalogue.code_lookup import TITLES, Listed, errors, of_area
from bb8deploy.catalogue.error_code import Area
from bb8deploy.catalogue.rule_definitions.all_rules import rules
from bb8deploy.catalogue.rules_listing import help_uri

_HEAD = f"""\
# Errors and findings

{BY}

Every error has a code, one sentence with the cause and one with the remedy. `bb8deploy explain CODE`
describes a code, `bb8deploy explain` lists all codes. A finding of level error makes `bb8deploy validate`
fail (exit code 1). A check that fails in `bb8deploy diagnose` makes it fail.
"""


def index() -> str:
    """docs/errors.md: the exit codes, and every code with its title."""
    kinds: dict[int, list[str]] = defaultdict(list)
    for name, value in vars(tree).items():
        if isinstance(value, type) and issubclass(value, tree.Bb8Error) and value is not tree.Bb8Error:
            kinds[value.exit_code].append(f"{name}: {(value.__doc__ or '').splitlines()[0]}")
    meanings = ((str(number), " ".join(kinds[number])) for number in sorted(kinds))
    parts = [_HEAD, table(("exit code", "meaning"), [("0", "Done."), *meanings])]
    for area in Area:
        rows = ((_error_link(e), e.ends, e.title) for e in of_area(area))
        parts += [f"## {TITLES[area]}\n", table(("code", "exit code", "meaning"), rows)]
    found = ((link(rule.code), rule.level.value, rule.title) for rule in rules().values())
    parts += ["## Rules of validate\n", table(("code", "level", "meaning"), found)]
    return "\n".join(parts)


def link(code: str) -> str:
    """The link from a page of docs/ to what a code means."""
    if code in rules():
        return f"[{code}]({help_uri(code, '').removeprefix('/blob/main/docs/')})"
    return _error_link(errors()[code])


def page(area: Area) -> str:
    """docs/errors/<area>.md: what each code of the area means and what to do."""
    parts = [f"# {TITLES[area]}", BY, "All codes: [errors.md](../errors.md)."]
    for entry in of_area(area):
        parts += [f"## {entry.code}", f"{_sentence(entry)} {entry.why}", f"**What to do.** {entry.remedy}"]
    return "\n\n".join(parts) + "\n"


def _error_link(entry: Listed) -> str:
    return f"[{entry.code}](errors/{entry.area}.md#{entry.code.lower()})"


def _sentence(entry: Listed) -> str:
    return f"*{_capitalised(entry.title)}* ({entry.ends})."


def _capitalised(title: str) -> str:
    """The title as the start of a sentence; names of files and programs keep their spelling."""
    first = title.split(maxsplit=1)[0]
    named = first in ("init", "rsync", "ssh", "sudo") or "." in first or "_" in first
    return title if named else f"{title[0].upper()}{title[1:]}"
