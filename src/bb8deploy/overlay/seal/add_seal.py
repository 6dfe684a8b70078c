"""Adds the seal to a delivery: a Dockerfile for each architecture, and the ignore file that belongs to it.

The Supervisor prefers `Dockerfile.<arch>` to `Dockerfile`. The seal stage is placed just before the final
FROM, so that `COPY --from=0` keeps its meaning, and nothing of the user's stages depends on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.seal_paths import LAUNCHER
from bb8deploy.checks.reading.dockerfile_evaluation import (
    BUILT_ARCHES,
    BuildFile,
    final_base,
    global_scope,
    passed_args,
    stage_base,
)
from bb8deploy.checks.reading.dockerfile_parser import Dockerfile, parse_dockerfile
from bb8deploy.overlay.config_edit import config_name
from bb8deploy.overlay.delivery_draft import Draft
from bb8deploy.overlay.seal.apparmor_profile import allows_launcher
from bb8deploy.overlay.seal.base_images import is_shellless
from bb8deploy.overlay.seal.build_context_paths import seen_paths
from bb8deploy.overlay.seal.dockerfile_edits import at_end, before, closed, edited, instead_of, is_lower
from bb8deploy.overlay.seal.entry_point import EntryPoint, Unknown, entry_of
from bb8deploy.overlay.seal.launcher_script import launcher
from bb8deploy.overlay.seal.seal_stage import STAGE, SealStage, copy_line, is_encodable, seal_stage
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.workspace.app_config import parse_config
from bb8deploy.workspace.tree_digest import STAMP, Manifest

_WORD = re.compile(r"[A-Za-z0-9._:+@/~-]+")
IGNORE = ".dockerignore"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The Dockerfile of one architecture: its path and text, the arguments of its build, and its entry."""

    arch: str
    path: str
    text: str
    dockerfile: Dockerfile
    passed: Mapping[str, str]
    scope: Mapping[str, str]
    entry: EntryPoint


def sealed(draft: Draft) -> Draft:
    """The draft with the seal, if its purpose asks for it and the app allows it."""
    if draft.purpose.proof is not Proof.SEALED:
        return draft
    recipes = recipes_of(draft)
    if isinstance(recipes, Unknown):
        return draft
    made = [name for one in recipes for name in names_of(one.arch)]
    for recipe in recipes:
        hidden = made if draft.app.names_stamp else [*made, STAMP]
        text = _sealed_text(recipe, draft, skipped=made)
        name, ignore_name = names_of(recipe.arch)
        draft = draft.put(name, text.encode(errors="surrogateescape"))
        draft = draft.put(ignore_name, ignore_text(draft, recipe.path, hidden))
    return draft


def recipes_of(draft: Draft) -> tuple[Recipe, ...] | Unknown:
    """What is built for each architecture, or why no seal is possible. Looks at the draft's own texts."""
    for why in (_why_not_built(draft), _why_not_comparable(draft)):
        if why:
            return Unknown(why)
    found = [_recipe(draft, arch) for arch in draft.app.arches if arch in BUILT_ARCHES]
    recipes = []
    for one in found:
        if isinstance(one, Unknown):
            return one
        recipes.append(one)
    return tuple(recipes) or Unknown("config.yaml names no architecture that can be built")


def _why_not_built(draft: Draft) -> str:
    name = config_name(draft)
    try:
        config = parse_config(draft.text(name) or b"", name) if name else {}
    except Bb8Error as error:
        return error.cause
    if config.get("image"):
        return "config.yaml names an `image:`, so the host pulls it and builds nothing"
    profile = (draft.text("apparmor.txt") or b"").decode(errors="replace")
    if profile and config.get("apparmor", True) is not False and not allows_launcher(profile):
        return f"apparmor.txt does not allow {LAUNCHER} to start (it needs a rule such as `/usr/bin/** rix,`)"
    return ""


def _why_not_comparable(draft: Draft) -> str:
    if not is_encodable(draft.manifest):
        return "the app has too many files, or a name with a backslash or newline"
    words = (draft.stamp.version, draft.stamp.tree, draft.stamp.commit, draft.stamp.run)
    odd = next((word for word in words if not _WORD.fullmatch(word)), "")
    return f"`{odd}` cannot be part of a log line's words" if odd else ""


def _recipe(draft: Draft, arch: str) -> Recipe | Unknown:
    path = next((p for p in (f"Dockerfile.{arch}", "Dockerfile") if draft.text(p) is not None), "")
    if not path:
        return Unknown(f"there is no Dockerfile for {arch}")
    text = (draft.text(path) or b"").decode(errors="surrogateescape")
    dockerfile = parse_dockerfile(text, path)
    if not dockerfile.stages or any(stage.name == STAGE for stage in dockerfile.stages):
        return Unknown(f"{path} has no stage")
    passed = passed_args(arch, draft.stamp.version, _build_file(draft))
    scope = global_scope(dockerfile, arch, passed)
    entry = entry_of(dockerfile, final_base(dockerfile, scope))
    if isinstance(entry, Unknown):
        return entry
    if not _seal_image(dockerfile, scope):
        return Unknown(f"no stage of {path} has a shell that could compare the files")
    return Recipe(arch, path, text, dockerfile, passed, scope, entry)


def _build_file(draft: Draft) -> BuildFile | None:
    """The build file as the Supervisor uses it, None if there is none or it cannot be read."""
    name = next((n for n in ("build.yaml", "build.yml", "build.json") if draft.text(n) is not None), "")
    if not name:
        return None
    try:
        row = parse_config(draft.text(name) or b"", name)
    except Bb8Error:
        return None
    base, args = row.get("build_from", "ghcr.io/home-assistant/base:latest"), row.get("args")
    bases = {str(k): str(v) for k, v in base.items()} if isinstance(base, dict) else str(base)
    return BuildFile(bases, {str(k): str(v) for k, v in args.items()} if isinstance(args, dict) else {})


def _seal_image(dockerfile: Dockerfile, scope: Mapping[str, str]) -> str:
    """The text of the seal's FROM: that of the final stage, or of an earlier one if that has no shell."""
    stages = dockerfile.stages
    for index in (len(stages) - 1, *range(len(stages) - 1)):
        if not is_shellless(stage_base(dockerfile, index, scope)):
            return re.sub(r"\s+[Aa][Ss]\s+\S+$", "", stages[index].base.value.strip())
    return ""


def _sealed_text(recipe: Recipe, draft: Draft, skipped: Collection[str]) -> str:
    dockerfile = recipe.dockerfile
    text = closed(recipe.text, dockerfile)
    kept = Manifest(tuple(entry for entry in draft.manifest.entries if entry.path not in skipped))
    stage = SealStage(
        image=_seal_image(dockerfile, recipe.scope),
        manifest=kept,
        launcher=launcher(draft.stamp),
        mounts=seen_paths(dockerfile, kept, recipe.scope, recipe.passed),
        skipped=skipped,
    )
    lower = is_lower(recipe.text, dockerfile)
    entry, *rest = _cased(entry_lines(recipe.entry, (LAUNCHER,)), lower=lower)
    edits = [before(dockerfile.stages[-1].base, _cased(seal_stage(stage), lower=lower))]
    end = [*_cased([copy_line()], lower=lower), *rest]
    if recipe.entry.replaced:
        edits.append(instead_of(recipe.entry.replaced, [entry]))
    else:
        end.append(entry)
    return edited(text, [*edits, at_end(text, end)])


def entry_lines(entry: EntryPoint, first: Sequence[str]) -> list[str]:
    """The entry point behind the words of `first`, and the CMD that another ENTRYPOINT would drop."""
    lines = [f"ENTRYPOINT {json.dumps([*first, *entry.words])}"]
    return [*lines, f"CMD {json.dumps(entry.restated)}"] if entry.restated is not None else lines


def _cased(lines: Iterable[str], *, lower: bool) -> list[str]:
    """The lines with their instruction words in the case of the file, which BuildKit's linter asks for."""
    return [_lowered(line) for line in lines] if lower else list(lines)


def _lowered(line: str) -> str:
    word, space, rest = line.partition(" ")
    return f"{word.lower()}{space}{rest.replace(f' AS {STAGE}', f' as {STAGE}')}"


def names_of(arch: str) -> tuple[str, str]:
    """The Dockerfile of an architecture, and the ignore file that the builder takes for it."""
    return f"Dockerfile.{arch}", f"Dockerfile.{arch}{IGNORE}"


def ignore_text(draft: Draft, path: str, hidden: Iterable[str]) -> bytes:
    """What the builder ignores with the Dockerfile at `path`, and generated files beside it.

    The file replaces .dockerignore as a whole, and one that belongs to `path` no longer applies.
    """
    named = draft.text(f"{path}{IGNORE}")
    text = (draft.text(IGNORE) or b"") if named is None else named
    end = b"" if not text or text.endswith(b"\n") else b"\n"
    return text + end + "".join(f"/{name}\n" for name in hidden).encode()
