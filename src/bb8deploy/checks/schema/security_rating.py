"""The security rating that the Supervisor shows, 1 to 8, and what each privilege costs of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bb8deploy.checks.schema.table.allowed_words import CAPABILITIES_THAT_COST

START, LOWEST, HIGHEST = 5, 1, 8
_ROLES = {"manager": -1, "admin": -2}


@dataclass(frozen=True, slots=True)
class Cost:
    """One reason for the rating: the config's key, the points, in words what for."""

    key: str
    points: int
    why: str


def rating_costs(config: Mapping[str, Any], *, apparmor_present: bool) -> list[Cost]:
    """Every reason that moves the rating of a normalised config away from 5 (supervisor.md 9)."""
    privileged = set(config.get("privileged", ()))
    dear = sorted(privileged & CAPABILITIES_THAT_COST)
    role = config.get("hassio_role", "default")
    reasons = [
        (not config.get("apparmor", True), "apparmor", -1, "AppArmor is switched off"),
        (config.get("apparmor", True) and apparmor_present, "apparmor", 1, "it has an AppArmor profile"),
        (config.get("ingress"), "ingress", 2, "its page is behind Home Assistant's login"),
        (not config.get("ingress") and config.get("auth_api"), "auth_api", 1, "it checks users' passwords"),
        (dear, "privileged", -1, f"it holds {', '.join(dear)}"),
        (not dear and config.get("kernel_modules"), "kernel_modules", -1, "it may load kernel modules"),
        (role in _ROLES, "hassio_role", _ROLES.get(role, 0), f"its role is {role}"),
        (config.get("host_network"), "host_network", -1, "it uses the host's network"),
        (config.get("host_pid"), "host_pid", -2, "it sees the host's processes"),
        (config.get("host_uts") and "SYS_ADMIN" in privileged, "host_uts", -1, "it can rename the host"),
    ]
    return [Cost(key, points, why) for holds, key, points, why in reasons if holds]


def security_rating(config: Mapping[str, Any], apparmor_present: bool) -> int:
    """The rating of a normalised config; `apparmor_present` if the app brings a profile."""
    if config.get("docker_api") or config.get("full_access"):
        return LOWEST
    costs = rating_costs(config, apparmor_present=apparmor_present)
    return max(LOWEST, min(HIGHEST, START + sum(cost.points for cost in costs)))
