"""The Supervisor's verdict on options against an app's own schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import voluptuous as vol

from bb8deploy.checks.schema.regex_deadline import fits
from bb8deploy.checks.schema.table.option_types import Element, parse_element
from bb8deploy.checks.schema.table.value_kinds import PORT_NUMBER, Check
from bb8deploy.checks.schema.verdict_types import OptionsVerdict, Path, SchemaProblem, problems


def validate_options(
    schema: Mapping[str, object] | bool,
    options: object,
    *,
    secrets: Mapping[str, str] | None = None,
    devices: Mapping[str, str] | None = None,
    name: str = "the app",
) -> OptionsVerdict:
    """Checks `options` as at the app's start.

    `schema` is config.yaml's (False switches checks off); `secrets` are Home Assistant's, for
    `!secret NAME`; `devices` maps the paths of the host's devices to their subsystem ("" unknown).
    """
    reader = _OptionsReader(secrets or {}, devices or {}, name)
    if not isinstance(options, dict):
        return OptionsVerdict(False, (SchemaProblem((), f"the options of {name} are not a mapping"),))
    try:
        normalised = reader.mapping(schema if isinstance(schema, Mapping) else {}, options, ())
    except vol.Invalid as error:
        reader.errors.extend(problems(error))
    if reader.errors:
        return OptionsVerdict(False, tuple(reader.errors), tuple(reader.warnings))
    return OptionsVerdict(True, (), tuple(reader.warnings), normalised)


@dataclass(slots=True)
class _OptionsReader:
    """Walks schema and options side by side; gathers what does not fit, one problem for each option."""

    secrets: Mapping[str, str]
    devices: Mapping[str, str]
    name: str
    warnings: list[SchemaProblem] = field(default_factory=list)
    errors: list[SchemaProblem] = field(default_factory=list)

    def mapping(self, schema: Mapping[str, object], values: object, path: Path) -> dict[str, object]:
        if not isinstance(values, dict):
            raise self.refuse(path, "a mapping is expected")
        result = {}
        for key, value in values.items():
            if key not in schema:
                message = f"the option `{key}` is not in the schema of {self.name}"
                self.warnings.append(SchemaProblem((*path, key), message))
                continue
            try:
                result[key] = self.value(schema[key], value, (*path, key))
            except vol.Invalid as error:
                self.errors.extend(problems(error))
        for key in schema:
            if key not in values and not _may_miss(schema[key]):
                self.errors.append(SchemaProblem((*path, key), f"the option `{key}` is missing", "missing"))
        return result

    def value(self, schema: object, value: object, path: Path) -> object:
        if isinstance(schema, list):
            return self.items(schema, value, path)
        if isinstance(schema, Mapping):
            return self.mapping(schema, value, path)
        return self.single(schema, value, path)

    def items(self, schema: list[object], values: object, path: Path) -> list[object]:
        if not schema:
            raise self.refuse(path, "the schema names no type for the items of this list")
        if not isinstance(values, list):
            raise self.refuse(path, "a list is expected")
        return [self.value(schema[0], value, (*path, index)) for index, value in enumerate(values)]

    def single(self, schema: object, value: object, path: Path) -> object:
        if value is None:
            raise self.refuse(path, "the option has no value", "empty")
        element = parse_element(schema) if isinstance(schema, str) else None
        text = str(value)
        if text.startswith("!secret "):
            value = self.secret(text.partition(" ")[2], path)
        if element is None or not element.name:
            raise self.refuse(path, f"the schema's type {schema!r} is not known")
        if element.name == "device":
            return self.device(element, value, path)
        try:
            return _CHECKS[element.name](element)(value)
        except vol.Invalid as error:
            raise self.refuse(path, error.msg, getattr(error, "error_type", None) or "") from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # What is not vol.Invalid ends the Supervisor's own check, too.
            raise self.refuse(path, f"checking {value!r} ends with an error: {error}", "crash") from error

    def secret(self, secret: str, path: Path) -> str:
        if secret not in self.secrets:
            raise self.refuse(path, f"Home Assistant has no secret `{secret}`", "secret")
        return self.secrets[secret]

    def device(self, element: Element, value: object, path: Path) -> str:
        if not isinstance(value, str) or value not in self.devices:
            raise self.refuse(path, f"{value!r} is not a device of the host", "device")
        if element.subsystem and self.devices[value] != element.subsystem:
            raise self.refuse(path, f"{value} does not belong to the subsystem {element.subsystem}")
        return value

    def refuse(self, path: Path, message: str, kind: str = "") -> vol.Invalid:
        return vol.Invalid(message, path=list(path), error_type=kind or None)


def _may_miss(schema: object) -> bool:
    first = schema[0] if isinstance(schema, list) and schema else schema
    return isinstance(first, str) and first.endswith("?")


def _text(element: Element) -> Check:
    # The length of the text counts since 2026.07; before, a bound refused every value.
    low, high = (None if bound is None else int(bound) for bound in (element.low, element.high))
    return vol.Schema(vol.All(str, vol.Length(min=low, max=high)))


def _number(element: Element) -> Check:
    cast = int if element.name == "int" else float
    return vol.Schema(vol.All(vol.Coerce(cast), vol.Range(min=element.low, max=element.high)))


def _match(element: Element) -> Check:
    def check(value: object) -> str:
        if not fits(element.pattern, str(value)):
            raise vol.Invalid(f"does not match the pattern {element.pattern}")
        return str(value)

    return check


def _choice(element: Element) -> Check:
    check = vol.In(element.choices)
    return lambda value: check(str(value))


_CHECKS: dict[str, Callable[[Element], Check]] = {
    "str": _text,
    "password": _text,
    "int": _number,
    "float": _number,
    "bool": lambda _element: vol.Boolean(),
    "email": lambda _element: vol.Email(),
    "url": lambda _element: vol.Url(),
    "port": lambda _element: PORT_NUMBER,
    "match": _match,
    "list": _choice,
}
