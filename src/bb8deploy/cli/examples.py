"""Lines to paste, shown at the end of a command's --help; tests run or parse each of them."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "release": (
        ("release patch --dry-run", "every step with its commands"),
        ("release patch", "the next version, from validate to tag"),
        ("release --resume", "go on where the last one stopped"),
    ),
    "deploy": (
        ("deploy --dry-run --diff", "what would change on the host"),
        ("deploy", "send, build, start, prove"),
        ("deploy --target kitchen --target workshop", "two hosts at once"),
    ),
    "validate": (
        ("validate --no-tests", "the rules alone"),
        ("validate --fix --dry-run", "what could be mended, as a diff"),
        ("validate --addon ../my_addon --no-tests", "any other add-on"),
    ),
    "sync": (
        ("sync --dry-run --diff", "what would change on the host"),
        ("sync --via mount", "through a mounted share"),
    ),
    "verify": (("verify", "prove what lies on the host"),),
    "publish": (
        ("publish --dry-run", "what would be pushed"),
        ("publish --image", "build and push images first"),
    ),
    "attest": (("attest --seconds 30 --rate 10", "300 echoes in half a minute"),),
    "rollback": (
        ("rollback", "the tree before the last deploy"),
        ("rollback 2026.11.23.0", "a tagged version"),
    ),
    "diagnose": (
        ("diagnose", "look at everything"),
        ("diagnose --bundle bundle.tar.gz", "for a bug report"),
    ),
    "logs": (
        ("logs --follow", "until Ctrl-C"),
        ("logs --supervisor -n 500", "why a build failed"),
    ),
    "init": (("init", "asks, checks, writes .env"),),
    "schema": (("schema config --out config.schema.json", "completion in editors"),),
    "rules": (("rules", "every rule"), ("rules build", "those of one area")),
    "explain": (("explain HOST_KEY_CHANGED", "one page"),),
}


def epilog(command: str) -> str | None:
    """The examples of a command as they stand below its options, None where it has none."""
    rows = EXAMPLES.get(command)
    if not rows:
        return None
    width = max(len(words) for words, _ in rows)
    return "\n".join(["\b", "Examples:", *(f"  bb8deploy {words:{width}}  # {why}" for words, why in rows)])
