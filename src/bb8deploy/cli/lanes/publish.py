"""`bb8deploy publish`: lane 4."""

from __future__ import annotations

from typing import Annotated

import typer

from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.print_outcomes import show_evidence
from bb8deploy.cli.shared_options import Addon, AsJson, DryRun, Image, Overwrite, Quiet, Sign, Target


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(publish)


def publish(
    target: Target = "default",
    image: Image = False,
    only_image: Annotated[
        str,
        typer.Option(
            "--only-image",
            metavar="ARCH",
            help="Build and push the image of one architecture, and publish nothing else.",
            show_default=False,
        ),
    ] = "",
    overwrite: Overwrite = False,
    subtree_split: Annotated[
        bool, typer.Option("--subtree-split", help="Publish the history that `git subtree split` makes.")
    ] = False,
    sign: Sign = False,
    dry_run: DryRun = False,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Push the committed app and its tag to a store, and read both back."""
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run)
    with open_run("publish", modes, target=target, addon=addon, lane="publish") as opened:
        from bb8deploy.lanes.publish.atomic_push import NOTHING
        from bb8deploy.lanes.publish.outcome import PublishOptions
        from bb8deploy.lanes.publish.publish import publish as lane
        from bb8deploy.lanes.release.collect_evidence import keep_evidence, require_signature
        from bb8deploy.workspace.versions.publish_layout import publishing_of

        if only_image:
            _push_image(opened, only_image)
            return
        require_signature(opened.run, sign=sign)
        options = PublishOptions(overwrite=overwrite, subtree_split=subtree_split, image=image)
        outcome = lane(opened.run, options)
        opened.result.update(
            version=outcome.version,
            layout=outcome.layout,
            tag=outcome.tag,
            remote=outcome.remote,
            branch=outcome.branch,
            commit=outcome.commit,
            tree=outcome.tree,
            pushed=list(outcome.pushed),
            images={image.name: image.digest for image in outcome.images},
        )
        if dry_run:
            how = publishing_of(opened.run.workspace, opened.run.addon, opened.run.settings)
            opened.console.text(f"layout: {how.layout} ({how.why}); tag {outcome.tag}")
            refs = ", ".join(outcome.pushed)
            opened.console.text(f"would push to {outcome.remote}: {refs}" if refs else NOTHING)
            return
        parameters = {"method": outcome.method, "version": outcome.version}
        show_evidence(opened, str(keep_evidence(opened.run, outcome, parameters, sign=sign)))


def _push_image(opened: Opened, arch: str) -> None:
    from bb8deploy.lanes.publish.publish import push_image

    version, images = push_image(opened.run, arch)
    opened.result.update(version=version, images={image.name: image.digest for image in images})
