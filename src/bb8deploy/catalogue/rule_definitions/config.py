"""Rules about config.yaml: the Supervisor's verdict, default options, translations."""

from __future__ import annotations

from bb8deploy.base.findings import Level
from bb8deploy.catalogue.rule_definitions.rule_definition import Rule, RuleArea

_SCHEMA = "supervisor/apps/validate.py (SCHEMA_APP_CONFIG)"
_MIGRATE = "supervisor/apps/validate.py (_migrate_app_config)"
_STORE = "supervisor/store/data.py"
_OPTIONS = "supervisor/apps/options.py"
_OBSERVED = "observed on Supervisor 2026.08"

RULES: tuple[Rule, ...] = (
    Rule(
        "CONFIG_MISSING", RuleArea.CONFIG, Level.ERROR, "there is no config file",
        "The folder has no config.yaml, config.yml or config.json, so the Supervisor does not see an app.",
        "Add config.yaml with name, version, slug, description and arch.",
        _STORE,
    ),
    Rule(
        "CONFIG_INVALID", RuleArea.CONFIG, Level.ERROR, "the Supervisor rejects this config",
        "The Supervisor leaves the app out of its store and reports this only in its own log. An installed"
        " copy becomes detached and can no longer be updated.",
        "Fix the value; otherwise the Supervisor leaves the app out of its store. `bb8deploy schema config`"
        " writes a schema for editors.",
        _SCHEMA,
    ),
    Rule(
        "CONFIG_CRASHES", RuleArea.CONFIG, Level.ERROR, "this config ends the Supervisor's reload",
        "The Supervisor uses the value before its schema has checked it, and the reload of all stores ends"
        " with an exception. After a restart of the Supervisor the store is empty, and nothing can be"
        " installed or updated until the file is fixed and the Supervisor is restarted again.",
        "Set the key to a valid value, or remove it.",
        f"{_MIGRATE}; {_OBSERVED}",
        fixable=True,
    ),
    Rule(
        "CONFIG_OLD_WORD", RuleArea.CONFIG, Level.WARNING, "a deprecated word",
        "The Supervisor still reads the word and logs a warning. A later Supervisor will no longer read"
        " it.",
        "Use the current word. `bb8deploy migrate --write` does it.",
        _MIGRATE,
    ),
    Rule(
        "MAP_TYPE_OLD", RuleArea.CONFIG, Level.NOTE, "a deprecated map type",
        "The Supervisor logs a warning. The new type mounts the same folder at another path in the container,"
        " so a rename alone breaks an app that uses the old path.",
        "Rename it together with every use of the old path, or set `path:` to keep the old path.",
        _MIGRATE,
        since="2023.11.0",
        strict=Level.WARNING,
    ),
    Rule(
        "CONFIG_NO_EFFECT", RuleArea.CONFIG, Level.WARNING, "a key without effect",
        "The Supervisor ignores the key. A `build:` block, for example, does not make it build: a missing"
        " `image:` does.",
        "Remove the key.",
        _SCHEMA,
    ),
    Rule(
        "CONFIG_UNKNOWN_KEY", RuleArea.CONFIG, Level.WARNING, "a key that the Supervisor does not know",
        "The Supervisor silently drops keys that are not in its schema. Often the key is misspelled, and the"
        " setting keeps its default.",
        "Remove the key, or move it below `options`.",
        f"{_SCHEMA} (REMOVE_EXTRA)",
    ),
    Rule(
        "CONFIG_STRAY", RuleArea.CONFIG, Level.WARNING, "a second config file",
        "The Supervisor searches its store at any depth and treats every config file as a separate app, or"
        " logs what is missing in it. If two have the same slug, the last one that it finds wins.",
        "Rename the file, or move it below a folder named rootfs.",
        f"{_STORE} (_find_app_configs)",
        strict=Level.ERROR,
    ),
    Rule(
        "VERSION_UNQUOTED", RuleArea.CONFIG, Level.ERROR, "the version is a number",
        "Without quotes 1.10 is the number 1.1, and 2026.10 is 2026.1: users are offered an older"
        " version, or none. The finding is only a warning if YAML reads the number as it is written.",
        "Put quotes around the version.",
        f"{_SCHEMA} (version_tag)",
        fixable=True,
    ),
    Rule(
        "SLUG_UPPER_CASE", RuleArea.CONFIG, Level.ERROR, "upper case in the slug",
        "The schema accepts it. The build then fails, because Docker does not allow upper case in the"
        " name of an image; the error message is only the slug.",
        "Use lower-case letters, digits, `_`, `-` and `.`.",
        _OBSERVED,
    ),
    Rule(
        "IMAGE_TAGGED", RuleArea.CONFIG, Level.ERROR, "the image name has a tag",
        "The Supervisor rejects the config: it uses `version` as the tag.",
        "Write the name without a tag, and push an image with the version as its tag.",
        "supervisor/validate.py (docker_image)",
        since="2026.04.0",
    ),
    Rule(
        "IMAGE_UPPER_CASE", RuleArea.CONFIG, Level.ERROR, "upper case in the image name",
        "Docker and registries do not allow upper case in the path of an image.",
        "Write the name in lower case.",
        "supervisor/validate.py (docker_image)",
        since="2026.04.0",
    ),
    Rule(
        "IMAGE_PER_ARCH", RuleArea.CONFIG, Level.NOTE, "one image per architecture",
        "The builder for such images was retired in 2026. One image name can cover all architectures.",
        "Publish one multi-architecture image and drop `{arch}`.",
        "developers.home-assistant.io, blog of 2026-04",
        since="2026.04.0",
        strict=Level.WARNING,
    ),
    Rule(
        "IMAGE_OUTSIDE_PUBLISH", RuleArea.CONFIG, Level.ERROR, "`image:` is set in local development",
        "With `image:` the Supervisor pulls and never builds the folder, so a deploy would verify other files.",
        "Remove `image:`, or validate with --mode publish.",
        "supervisor/apps/model.py (need_build)",
    ),
    Rule(
        "IMAGE_MISSING", RuleArea.CONFIG, Level.ERROR, "`image:` is not set in PUBLISH mode",
        "Without `image:` the Supervisor builds on the user's machine instead of pulling what was published.",
        "Set `image:`, or validate with --mode local_dev.",
        "supervisor/apps/model.py (need_build)",
    ),
    Rule(
        "SUPERVISOR_TOO_NEW", RuleArea.CONFIG, Level.WARNING, "a newer Supervisor than the target is needed",
        "The config uses a key or value that the Supervisor named by `target-supervisor` does not know. That"
        " release rejects the config or ignores the key.",
        "Remove the key, or raise `target-supervisor`.",
        "the history of supervisor/apps/validate.py",
    ),
    Rule(
        "PRIVILEGE_COSTS", RuleArea.CONFIG, Level.NOTE, "a privilege that lowers the security rating",
        "Users see the rating (1 to 8) before they install the app. The message names the cost.",
        "Keep the privilege if the app needs it.",
        "supervisor/apps/utils.py (rating_security)",
        strict=Level.WARNING,
    ),
    Rule(
        "PRIVILEGE_IDLE", RuleArea.CONFIG, Level.WARNING, "a privilege without effect",
        "The privilege has no effect without another one.",
        "Remove it.",
        "supervisor/api/middleware/security.py",
    ),
    Rule(
        "OPTIONS_INVALID", RuleArea.OPTIONS, Level.ERROR, "a default option does not fit the schema",
        "The Supervisor does not check default options at install. The first start is refused until the user"
        " changes the option.",
        "Set a default that fits the schema.",
        _OPTIONS,
    ),
    Rule(
        "OPTION_REQUIRED", RuleArea.OPTIONS, Level.NOTE, "an option that the user must set",
        "The schema requires the option and there is no default, so the app starts only after the user has set"
        " it. This is the documented way to make an option mandatory.",
        "Set a default, or mark the option as optional with `?`, if the app can start without it.",
        _OPTIONS,
        strict=Level.ERROR,
    ),
    Rule(
        "OPTION_PATTERN", RuleArea.OPTIONS, Level.ERROR, "an option's regular expression cannot be used",
        "The pattern of `match(...)` is not a valid regular expression, or does not finish in time on the"
        " default value. The start of the app is refused, or the Supervisor hangs.",
        "Fix the pattern: balanced brackets, and no nested repetition such as `(a+)+`.",
        _OPTIONS,
    ),
    Rule(
        "OPTION_UNKNOWN", RuleArea.OPTIONS, Level.WARNING, "a default option without a schema",
        "The Supervisor drops options that the schema does not have, so the app never sees this one.",
        "Add it to `schema`, or remove it from `options`.",
        _OPTIONS,
    ),
    Rule(
        "OPTION_UNTRANSLATED", RuleArea.OPTIONS, Level.NOTE, "an option without a name",
        "Users see the key of the option instead of a name and an explanation.",
        "Add `configuration.<option>.name` to translations/en.yaml.",
        "developers.home-assistant.io, docs/apps/configuration",
        strict=Level.WARNING,
    ),
    Rule(
        "TRANSLATION_MISSING", RuleArea.OPTIONS, Level.NOTE, "no English translation",
        "Users see the keys of the options instead of names.",
        "Add translations/en.yaml with a name and a description for each option.",
        "developers.home-assistant.io, docs/apps/configuration",
        strict=Level.WARNING,
    ),
    Rule(
        "TRANSLATION_INVALID", RuleArea.OPTIONS, Level.WARNING, "a translation file is ignored",
        "The Supervisor logs a warning and ignores the whole file, so users see the keys of the options.",
        "Fix the value. Each option is a mapping with `name` and perhaps `description`; `network` maps ports to"
        " texts.",
        f"{_STORE} (_read_app_translations)",
        strict=Level.ERROR,
    ),
    Rule(
        "TRANSLATION_UNKNOWN", RuleArea.OPTIONS, Level.WARNING, "a translation without an option",
        "The schema does not have the option, which was probably renamed; its explanation is not shown.",
        "Fix the name, or remove the entry.",
        "developers.home-assistant.io, docs/apps/configuration",
    ),
)  # fmt: skip
