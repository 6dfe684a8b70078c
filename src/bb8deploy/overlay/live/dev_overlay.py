"""Adds the dev loop to a delivery: the agent, its mount, and where each file goes in the image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.checks.reading.dockerignore import DockerIgnore
from bb8deploy.overlay.config_edit import config_of, with_config
from bb8deploy.overlay.delivery_draft import Draft, Live
from bb8deploy.overlay.live.choose_way import is_live
from bb8deploy.overlay.live.image_map import ImageMap, Target, image_map
from bb8deploy.overlay.local_build import built_here
from bb8deploy.overlay.seal.add_seal import Recipe, entry_lines, ignore_text, names_of, recipes_of
from bb8deploy.overlay.seal.dockerfile_edits import at_end, closed, edited, instead_of
from bb8deploy.overlay.seal.entry_point import Unknown
from bb8deploy.workspace.tree_digest import STAMP, Entry, Manifest

FOLDER = ".bb8dev"
"""The folder of the generated files in the app folder on the host."""
MOUNT = "/.bb8live"
"""Where the container sees the local apps."""
PROGRAMS = ("apply", "launch", "agent")
_LAUNCH = 'l={place}/launch.sh; if [ -r "$l" ]; then exec /bin/sh "$l" "$@"; fi; shift 2; exec "$@"'
_LOCAL_APPS = ("local_apps", "addons")


def with_live(draft: Draft) -> Draft:
    """The draft with the dev loop, if its purpose asks for it and the app allows it."""
    live = draft.purpose.live
    if live is None:
        return draft
    mapped = _mapped(draft)
    if isinstance(mapped, Unknown):
        return draft
    draft, recipes = mapped.draft, mapped.recipes
    hidden = [FOLDER, *(name for one in recipes for name in names_of(one.arch))]
    for recipe in recipes:
        name, ignore_name = names_of(recipe.arch)
        draft = draft.put(name, _dockerfile(recipe, live).encode(errors="surrogateescape"))
        draft = draft.put(ignore_name, ignore_text(draft, recipe.path, hidden))
    for program in PROGRAMS:
        draft = draft.put(f"{FOLDER}/{program}.sh", source(program))
    return _with_lists(draft, live, _map_of(draft, recipes[0], draft.app.tree, live.seen))


@dataclass(frozen=True, slots=True)
class _Mapped:
    """A draft whose config mounts the local apps, and what is built from it."""

    draft: Draft
    recipes: tuple[Recipe, ...]


def live_map(draft: Draft, *trees: Manifest) -> ImageMap | Unknown:
    """Where the files of these trees are in the image, or why a running container cannot get them."""
    mapped = _mapped(built_here(draft))
    return mapped if isinstance(mapped, Unknown) else _map_of(mapped.draft, mapped.recipes[0], *trees)


def _mapped(draft: Draft) -> _Mapped | Unknown:
    if any(_type_of(row) in _LOCAL_APPS for row in _maps(config_of(draft))):
        return Unknown("config.yaml maps the local apps itself, and a folder can be mounted only once")
    draft = _with_mount(draft)
    recipes = recipes_of(draft)
    if isinstance(recipes, Unknown):
        return recipes
    if any("/init" in one.entry.words and one.entry.starts_cmd for one in recipes):
        return Unknown("s6-overlay runs the app as CMD, which only a new container starts again")
    maps = [_map_of(draft, recipe, draft.app.tree) for recipe in recipes]
    if any(one != maps[0] for one in maps):
        return Unknown("the Dockerfiles of its architectures put files at different places")
    return _Mapped(draft, recipes)


def _map_of(draft: Draft, recipe: Recipe, *trees: Manifest) -> ImageMap:
    """The map of one architecture; links are made by a build only."""
    entries = {entry.path: entry for tree in trees for entry in tree.entries}
    ignore = DockerIgnore.parse(ignore_text(draft, recipe.path, ()).decode(errors="replace"))
    paths = [*entries, *([STAMP] if draft.app.names_stamp else [])]
    found = image_map(recipe.dockerfile, paths, ignore, recipe.scope, recipe.passed)
    links = {e.path: "a symbolic link is made by a build only" for e in entries.values() if e.kind == "link"}
    return replace(found, feeds={**found.feeds, **links})


@cache
def source(program: str) -> bytes:
    """The text of a program that runs in the container."""
    return files(__package__).joinpath("sh", f"{program}.sh").read_bytes()


def _maps(config: JsonObject) -> list[object]:
    rows = config.get("map")
    return rows if isinstance(rows, list) else []


def _type_of(row: object) -> str:
    return str(row.get("type")) if isinstance(row, dict) else str(row).partition(":")[0]


def _with_mount(draft: Draft) -> Draft:
    """The config with the mount; the app's own profile would not let the agent work, so it is off."""
    mount = {"type": "local_apps", "path": MOUNT, "read_only": True}
    off = {} if draft.text("apparmor.txt") is None else {"apparmor": False}
    return with_config(draft, lambda config: {**config, "map": [*_maps(config), mount], **off})


def _dockerfile(recipe: Recipe, live: Live) -> str:
    """The Dockerfile whose entry point is the launcher in the mounted folder, if that is there."""
    text = closed(recipe.text, recipe.dockerfile)
    mode = "s6" if "/init" in recipe.entry.words else "main"
    script = _LAUNCH.format(place=f"{MOUNT}/{live.folder}/{FOLDER}")
    words = ["/bin/sh", "-c", script, "bb8live", mode, live.base]
    lines = entry_lines(recipe.entry, words)
    if recipe.entry.replaced:
        return edited(text, [instead_of(recipe.entry.replaced, lines)])
    return edited(text, [at_end(text, lines)])


def _with_lists(draft: Draft, live: Live, image: ImageMap) -> Draft:
    """The lists for the agent: what must be where, with which content, and what must not be there."""
    rows = list(_rows(draft.app.tree, image))
    places = {target.path for _, target in rows}
    before = {target.path for _, target in _rows(live.seen, image)}
    stamped = [(None, target) for target in image.targets.get(STAMP, ())]
    reports = "app" if draft.app.names_stamp else "agent"
    told = (
        draft.stamp.run,
        live.base,
        live.way,
        reports,
        draft.stamp.version,
        draft.stamp.tree,
        draft.stamp.commit,
    )
    lists = {
        "stamp": [" ".join(told)],
        "want": [f"{entry.sha256}  {target.path}" for entry, target in rows],
        "targets": [target.path for _, target in rows],
        "files": [_row(entry, target) for entry, target in (*rows, *stamped)],
        "gone": sorted(before - places),
        "built": _listed(live.built),
        "began": _listed(live.began),
        "seen": _listed(live.seen),
    }
    for name, lines in lists.items():
        draft = draft.put(f"{FOLDER}/{name}", "".join(f"{line}\n" for line in lines).encode())
    return draft


def _rows(tree: Manifest, image: ImageMap) -> Iterator[tuple[Entry, Target]]:
    for entry in tree.entries:
        if is_live(entry.path, image) and entry.path != STAMP:
            for target in image.targets[entry.path]:
                yield entry, target


def _row(entry: Entry | None, target: Target) -> str:
    """Place, mode and source; `=` for a mode that a later step of the build may set."""
    mode = f"{int(target.chmod, 8):03o}" if target.chmod.isdigit() else ""
    if entry and not mode:
        mode = "755" if entry.executable else "644"
    if target.rights or not mode:
        mode = "="
    return f"{target.path}\t{mode}\t{entry.path if entry else STAMP}"


def _listed(tree: Manifest) -> list[str]:
    return [json.dumps([e.path, e.kind, e.sha256, e.size, e.executable]) for e in tree.entries]


def listed_tree(text: str) -> Manifest:
    """A tree as `_listed` wrote it; empty if it is not whole."""
    entries = []
    for line in text.splitlines():
        try:
            path, kind, sha256, size, executable = json.loads(line)
            entries.append(Entry(path, kind, sha256, size, executable))
        except (ValueError, TypeError):
            return Manifest(())
    return Manifest.of(entries)
