"""The Supervisor's own verdicts on an app's files, and what each costs, without a Supervisor."""

from bb8deploy.checks.schema.config import validate_config
from bb8deploy.checks.schema.files import validate_build, validate_translation
from bb8deploy.checks.schema.options import validate_options
from bb8deploy.checks.schema.rating import Cost, rating_costs, security_rating
from bb8deploy.checks.schema.ui import ui_schema
from bb8deploy.checks.schema.verdicts import ConfigVerdict, FileVerdict, OptionsVerdict, SchemaProblem

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
