"""The Supervisor's own verdicts on an app's files, and what each costs, without a Supervisor."""

from bb8deploy.checks.schema.build_and_translation_files import validate_build, validate_translation
from bb8deploy.checks.schema.config_verdict import validate_config
from bb8deploy.checks.schema.option_values import validate_options
from bb8deploy.checks.schema.options_form import ui_schema
from bb8deploy.checks.schema.security_rating import Cost, rating_costs, security_rating
from bb8deploy.checks.schema.verdict_types import ConfigVerdict, FileVerdict, OptionsVerdict, SchemaProblem

__all__ = [
    "ConfigVerdict",
    "Cost",
    "FileVerdict",
    "OptionsVerdict",
    "SchemaProblem",
    "rating_costs",
    "security_rating",
    "ui_schema",
    "validate_build",
    "validate_config",
    "validate_options",
    "validate_translation",
]
