"""Prints an image that `bb8deploy publish --json` read back, as outputs of a step on GitHub."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def outputs(document: str, arch: str = "") -> dict[str, str]:
    """The name, digest and version of the image of `arch`, of the list of all images if it is empty.

    Name and digest are empty if that image does not exist; with `{arch}` in HA_IMAGE, no list is made.
    """
    result = json.loads(document)["result"]
    version = result["version"]
    images = {tuple(key.rsplit(":", 1)): it for key, it in result["images"].items()}
    tags = [tag for _, tag in images]
    wanted = f"{version}-{arch}" if f"{version}-{arch}" in tags else version
    for (name, tag), digest in images.items():
        if tag == wanted and (arch or len(set(tags)) > 1):
            return {"name": name, "digest": digest, "version": version}
    return {"name": "", "digest": "", "version": version}


def main() -> None:
    """Prints NAME=VALUE lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path, help="what `bb8deploy publish --json` printed")
    parser.add_argument("arch", nargs="?", default="", help="such as aarch64; without it, the list")
    given = parser.parse_args()
    for name, value in outputs(given.document.read_text(encoding="utf-8"), given.arch).items():
        print(f"{name}={value}")


if __name__ == "__main__":
    main()
