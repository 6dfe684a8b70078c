"""The examples at the end of each --help; tests run or parse all of them."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "release": (
        ("release patch --dry-run", "show each step with its commands"),
        ("release patch", "release the next version"),
        ("release auto --all-changed", "every changed app of a store"),
        ("release --resume", "continue an interrupted release"),
    ),
    "deploy": (
        ("deploy --dry-run --diff", "show the changes"),
        ("deploy", "send, build, verify"),
        ("deploy --target kitchen --target workshop", "two hosts"),
        ("deploy --target house", "a group, in waves"),
    ),
    "validate": (
        ("validate --no-tests", "the rules only"),
        ("validate ../my_store", "every app of a store"),
        ("validate --fix --dry-run", "show safe fixes"),
        ("validate --addon ../my_addon --no-tests", "any other app"),
    ),
    "sync": (
        ("sync --dry-run --diff", "show the changes"),
        ("sync --via mount", "use a mounted share"),
    ),
    "dev": (
        ("dev", "each save runs on the host within a second"),
        ("dev --once", "deliver and prove once, for scripts"),
        ("dev --end", "end it and prove the built content again"),
    ),
    "test": (("test --on-host", "the smoke checks of the settings"),),
    "unlock": (("unlock", "who holds the lock; asks before it is removed"),),
    "verify": (("verify", "verify what is on the host"),),
    "publish": (
        ("publish --dry-run", "show what would be pushed"),
        ("publish --image", "build and push images first"),
        ("publish --only-image aarch64", "one image, built natively"),
    ),
    "attest": (("attest --seconds 30 --rate 10", "300 echoes in half a minute"),),
    "rollback": (
        ("rollback", "to the tree before the last deploy"),
        ("rollback 2026.11.23.0", "to a tagged version"),
        ("rollback --list", "the earlier trees that the host keeps"),
    ),
    "options": (
        ("options get", "the present values, passwords masked"),
        ("options apply kitchen.yaml --dry-run", "the changes that a file makes"),
    ),
    "pull": (("pull --dry-run", "show the edits on the host as a diff"),),
    "history": (("history", "every target, the newest first"),),
    "remove": (
        ("remove --dry-run", "show what would be removed"),
        ("remove --as beta", "remove an instance"),
    ),
    "mcp": (("mcp --workspace ../my_app", "the command for an MCP client"),),
    "diagnose": (
        ("diagnose", "check everything"),
        ("diagnose --bundle bundle.tar.gz", "for a bug report"),
    ),
    "logs": (
        ("logs --follow", "until Ctrl-C"),
        ("logs --supervisor -n 500", "find out why a build failed"),
    ),
    "new": (
        ("new hello_lamp", "an app in Python"),
        ("new door_bell --language shell", "of shell scripts"),
    ),
    "init": (("init", "ask, check, write .env"),),
    "schema": (("schema config --out config.schema.json", "for editors"),),
    "migrate": (
        ("migrate ../my_addon", "what would change, as a diff"),
        ("migrate ../my_addon --write", "change it"),
    ),
    "rules": (("rules", "every rule"), ("rules build", "those of one area")),
    "explain": (("explain HOST_KEY_CHANGED", "describe one code"),),
}


def epilog(command: str) -> str | None:
    """The examples of a command as shown below its options, None if it has none."""
    rows = EXAMPLES.get(command)
    if not rows:
        return None
    width = max(len(words) for words, _ in rows)
    return "\n".join(["\b", "Examples:", *(f"  bb8deploy {words:{width}}  # {why}" for words, why in rows)])
