"""Adds the dev loop to a delivery: the agent, its mount, and where each file goes in the image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files

from bb8deploy.base.payload import JsonObject
from bb8deploy.checks.reading.dockerignore import DockerIgnore
from bb8deploy.overlay.draft import Draft, Live
from bb8deploy.overlay.live.image_map import ImageMap, Target, image_map
from bb8deploy.overlay.live.way import is_live
from bb8deploy.overlay.seal.edits import at_end, closed, edited, instead_of
from bb8deploy.overlay.seal.entry import Unknown
from bb8deploy.overlay.seal.sealing import Recipe, ignore_text, names_of, recipes_of
from bb8deploy.workspace.addon import CONFIG_NAMES, parse_config
from bb8deploy.workspace.tree import STAMP, Entry, Manifest

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
    if live is None or why_not(draft):
        return draft
    draft = _with_config(draft)
    recipes = recipes_of(draft)
    if isinstance(recipes, Unknown):
        return draft
    hidden = [FOLDER, *(name for one in recipes for name in names_of(one.arch))]
    for recipe in recipes:
        name, ignore_name = names_of(recipe.arch)
        draft = draft.put(name, _dockerfile(recipe, live).encode(errors="surrogateescape"))
        draft = draft.put(ignore_name, ignore_text(draft, recipe.path, hidden))
    for program in PROGRAMS:
        draft = draft.put(f"{FOLDER}/{program}.sh", source(program))
    return _with_lists(draft, live)


def why_not(draft: Draft) -> str:
    """Why the dev loop cannot bring files into a running container of this app, empty if it can."""
    config = _config(draft)
    if any(_type_of(row) in _LOCAL_APPS for row in _maps(config)):
        return "config.yaml maps the local apps itself, and a folder can be mounted only once"
    recipes = recipes_of(_with_config(draft))
    if isinstance(recipes, Unknown):
        return recipes.why
    maps = [map_of(draft, recipe, draft.app.tree) for recipe in recipes]
    if any(one != maps[0] for one in maps):
        return "the Dockerfiles of its architectures put files at different places"
    return ""


def live_map(draft: Draft, *trees: Manifest) -> ImageMap:
    """Where the files of these trees are in the image. Call it only if `why_not` found nothing."""
    recipes = recipes_of(_with_config(draft))
    if isinstance(recipes, Unknown):
        return ImageMap()
    entries = {entry.path: entry for tree in trees for entry in tree.entries}
    return map_of(draft, recipes[0], Manifest.of(entries.values()))


def map_of(draft: Draft, recipe: Recipe, tree: Manifest) -> ImageMap:
    """The map of one architecture; links are made by a build only."""
    ignore = DockerIgnore.parse(ignore_text(draft, recipe.path, ()).decode(errors="replace"))
    paths = [*(entry.path for entry in tree.entries), *([STAMP] if draft.app.names_stamp else [])]
    found = image_map(recipe.dockerfile, paths, ignore, recipe.scope, recipe.passed)
    links = {e.path: "a symbolic link is made by a build only" for e in tree.entries if e.kind == "link"}
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


def _config(draft: Draft) -> JsonObject:
    name = _config_name(draft)
    return parse_config(draft.text(name) or b"", name) if name else {}


def _config_name(draft: Draft) -> str:
    return next((name for name in CONFIG_NAMES if draft.text(name) is not None), "")


def _with_config(draft: Draft) -> Draft:
    """The config with the mount; the app's own profile would not let the agent work, so it is off."""
    import yaml

    name, config = _config_name(draft), _config(draft)
    if not name or any(_type_of(row) in _LOCAL_APPS for row in _maps(config)):
        return draft
    mount = {"type": "local_apps", "path": MOUNT, "read_only": True}
    config = {**config, "map": [*_maps(config), mount]}
    if draft.text("apparmor.txt") is not None:
        config["apparmor"] = False
    text = (
        json.dumps(config)
        if name.endswith(".json")
        else yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    )
    return draft.put(name, text.encode())


def _dockerfile(recipe: Recipe, live: Live) -> str:
    """The Dockerfile whose entry point is the launcher in the mounted folder, if that is there."""
    text = closed(recipe.text, recipe.dockerfile)
    mode = "s6" if "/init" in recipe.entry.words else "main"
    script = _LAUNCH.format(place=f"{MOUNT}/{live.folder}/{FOLDER}")
    words = ["/bin/sh", "-c", script, "bb8live", mode, live.base, *recipe.entry.words]
    lines = [f"ENTRYPOINT {json.dumps(words)}"]
    if recipe.entry.restated is not None:
        lines.append(f"CMD {json.dumps(recipe.entry.restated)}")
    if recipe.entry.replaced:
        return edited(text, [instead_of(recipe.entry.replaced, lines)])
    return edited(text, [at_end(text, lines)])


def _with_lists(draft: Draft, live: Live) -> Draft:
    """The lists for the agent: what must be where, with which content, and what must not be there."""
    image = live_map(draft, draft.app.tree, live.seen)
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
