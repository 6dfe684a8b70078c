"""Lets the host build an app that names an image, which the Supervisor would pull instead."""

from __future__ import annotations

from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.config_edit import with_config
from bb8deploy.overlay.delivery_draft import Draft
from bb8deploy.workspace.app_config import is_dockerfile

KEY = "image"


def is_built_here(app: AppSource) -> bool:
    """Whether the config names an image and the host can build the app all the same."""
    return bool(app.image) and any(is_dockerfile(path) for path in app.texts)


def built_here(draft: Draft) -> Draft:
    """The draft without `image:` in its config, if the app has a Dockerfile."""
    if not is_built_here(draft.app):
        return draft
    return with_config(draft, lambda config: {k: v for k, v in config.items() if k != KEY})
