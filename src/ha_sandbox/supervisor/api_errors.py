"""Errors of the Supervisor's API: status, message, error key and fields as the real one sends them."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """An answer `{"result":"error"}`; `key` is empty for errors without a key."""

    def __init__(
        self, message: str, *, status: int = 400, key: str = "", fields: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.key = key
        self.fields = dict(fields or {})

    def envelope(self) -> dict[str, object]:
        """The JSON body."""
        body: dict[str, object] = {"result": "error", "message": self.message}
        if self.key:
            body |= {"error_key": self.key, "extra_fields": self.fields}
        return body


class PlainError(Exception):
    """An answer in text/plain, as the real Supervisor sends it before it reaches a handler."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def unauthorized() -> PlainError:
    """No token."""
    return PlainError(401, "401: Unauthorized")


def forbidden() -> PlainError:
    """A wrong token, or one whose role is too low."""
    return PlainError(403, "403: Forbidden")


def no_route() -> PlainError:
    """No such path."""
    return PlainError(404, "404: Not Found")


def wrong_method() -> PlainError:
    """The path has no such method."""
    return PlainError(405, "405: Method Not Allowed")


def unknown_app(slug: str) -> ApiError:
    """Neither installed nor in the store."""
    return ApiError(f"App {slug} does not exist", status=404)


def not_installed() -> ApiError:
    """Known to the store, but not installed."""
    return ApiError("App is not installed")


def update_of_uninstalled(slug: str) -> ApiError:
    """Update of an app that is in the store and not installed."""
    return ApiError(f"App {slug} is not installed")


def store_unknown(slug: str) -> ApiError:
    """The store has no such app."""
    return ApiError(
        f"App {slug} does not exist in the store",
        status=404,
        key="store_app_not_found_error",
        fields={"app": slug},
    )


def _of_app(name: str, slug: str, key: str, message: str) -> ApiError:
    return ApiError(message, key=key, fields={"app": name, "slug": slug})


def already_installed(name: str, slug: str) -> ApiError:
    """Install of an installed app."""
    return _of_app(name, slug, "app_already_installed_error", f"App {name} is already installed")


def not_in_store(name: str, slug: str) -> ApiError:
    """Rebuild or update of a detached app."""
    return _of_app(name, slug, "app_not_in_store_error", f"App {name} is not available inside store")


def version_changed(name: str, slug: str) -> ApiError:
    """Rebuild of an app that has another version in the store."""
    return _of_app(
        name,
        slug,
        "app_rebuild_version_changed_error",
        f"Local and store versions of app {name} differ, use Update instead of Rebuild",
    )


def image_based(name: str, slug: str) -> ApiError:
    """Rebuild of an app whose image is pulled."""
    return _of_app(
        name, slug, "app_rebuild_image_based_error", f"Cannot rebuild app {name}, it is image-based"
    )


def no_update(name: str, slug: str) -> ApiError:
    """Update to the installed version."""
    return _of_app(name, slug, "app_no_update_available_error", f"No update available for app {name}")


def wrong_architecture(name: str, slug: str, architectures: str) -> ApiError:
    """`arch` does not list this machine; the key has its old name in v1."""
    return ApiError(
        f"App {name} not supported on this platform, supported architectures: {architectures}",
        key="addon_not_supported_architecture_error",
        fields={"app": name, "slug": slug, "architectures": architectures},
    )


def no_dockerfile(slug: str) -> ApiError:
    """There is no Dockerfile."""
    return ApiError(
        f"Cannot build app '{slug}' because dockerfile is missing. A repair using 'ha supervisor repair' "
        "will fix this if the cause is data corruption. Otherwise please report this to the app developer.",
        key="app_build_dockerfile_missing_error",
        fields={"app": slug, "repair_command": "ha supervisor repair"},
    )


def build_failed(slug: str) -> ApiError:
    """The image could not be built; the reason is only in /supervisor/logs."""
    return ApiError(
        f"An unknown error occurred while trying to build the image for app {slug}. "
        "Check Supervisor logs for details",
        status=500,
        key="app_build_failed_unknown_error",
        fields={"app": slug},
    )


def unknown_failure(slug: str) -> ApiError:
    """Docker refused something; the reason is only in /supervisor/logs."""
    return ApiError(
        f"An unknown error occurred with app {slug}. Check Supervisor logs for details",
        status=500,
        key="app_unknown_error",
        fields={"app": slug},
    )


def invalid_options(slug: str, why: str) -> ApiError:
    """The options do not fit the app's schema."""
    return ApiError(
        f"App {slug} has invalid options: {why}",
        key="app_configuration_invalid_error",
        fields={"app": slug, "validation_error": why},
    )


def not_running(slug: str) -> ApiError:
    """Statistics of a stopped app."""
    return ApiError(f"App {slug} is not running", key="app_not_running_error", fields={"app": slug})


def no_stdin(slug: str) -> ApiError:
    """config.yaml does not set `stdin: true`."""
    return ApiError(
        f"App {slug} does not support writing to stdin",
        key="app_not_supported_write_stdin_error",
        fields={"app": slug},
    )


def port_conflict(slug: str, port: int) -> ApiError:
    """Another container holds the port."""
    return ApiError(
        f"Cannot start app {slug} because port {port} is already in use",
        key="app_port_conflict",
        fields={"name": slug, "port": port},
    )


def job_running(slug: str) -> ApiError:
    """One job per app at a time."""
    return ApiError(f"Another job is running for job group app_{slug}")


def extra_key(name: str, value: object) -> ApiError:
    """A key that the endpoint does not accept."""
    return ApiError(f"extra keys not allowed @ data['{name}']. Got {value}")
