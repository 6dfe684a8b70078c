"""Carries out the action `app` on the controller over bb8deploy's library."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

try:
    from bb8deploy.lanes.desired_state.task import HostTask, TaskReport, carry_out, preload

    preload()  # Ansible imports this module once, before it forks a process for each host
except ImportError as error:
    MISSING: ImportError | None = error
else:
    MISSING = None

STATES = ("present", "absent", "latest")
FLAGS = {
    "restart": True,
    "backup": False,
    "validate": True,
    "overwrite_edits": False,
    "discard_edits": False,
    "remove_config": False,
    "accept_new": False,
    "sudo": False,
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "workspace": {"type": "path", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    "boot": {"type": "str", "choices": ["auto", "manual"]},
    "port": {"type": "int"},
    "token": {"type": "str", "no_log": True},
    "secret_options": {"type": "dict", "no_log": True},
    **{name: {"type": "dict"} for name in ("options", "network", "settings")},
    **{name: {"type": "bool"} for name in ("watchdog", "auto_update", "ingress_panel")},
    **{name: {"type": "bool", "default": default} for name, default in FLAGS.items()},
    **{name: {"type": "path"} for name in ("addon", "private_key_file", "known_hosts")},
    **{name: {"type": "str"} for name in ("host", "user", "folder", "url", "instance", "instance_ports")},
}
FROM_INVENTORY = {
    "host": ("ansible_host", "inventory_hostname"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "private_key_file": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
}


class ActionModule(ActionBase):
    """The action; it opens no connection of Ansible's own, and copies nothing to the host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Brings the app on this host to the state of the task."""
        result = super().run(tmp, task_vars)
        if MISSING is not None:
            raise AnsibleActionFail(
                f"bb8deploy is not installed for the Python of Ansible ({MISSING}). "
                "Install bb8deploy into the environment of ansible-core."
            )
        variables = task_vars or {}
        args = self._args(variables)
        name = str(variables.get("inventory_hostname", args["host"]))
        task = HostTask(name, args, dry_run=bool(self._task.check_mode), with_diff=bool(self._task.diff))
        with _interruptible():
            result.update(_as_result(carry_out(task, self._say(name), self._display.warning)))
        return result

    def _args(self, variables: Mapping[str, Any]) -> dict[str, object]:
        """The arguments as plain values, those of the connection from the inventory if they are not given."""
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        for name, sources in FROM_INVENTORY.items():
            if given.get(name) is None:
                found = (variables[source] for source in sources if variables.get(source) is not None)
                given[name] = self._templar.template(next(found, None))
        given["user"] = given["user"] or self._play_context.remote_user
        return json.loads(json.dumps({key: value for key, value in given.items() if value is not None}))

    def _say(self, name: str) -> Callable[[str], None]:
        return lambda text: self._display.vv(f"[{name}] {text}", host=name)


def _as_result(report: TaskReport) -> dict[str, Any]:
    return json.loads(json.dumps(report.values))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C, SIGTERM and the end of ansible-playbook unwind the action, so that the lock is released."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    earlier = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    done = threading.Event()
    threading.Thread(target=_end_with, args=(os.getppid(), done), daemon=True).start()
    try:
        yield
    finally:
        done.set()
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _end_with(parent: int, done: threading.Event) -> None:
    """Interrupts the action once ansible-playbook was killed.

    Its worker processes have sessions of their own, and would go on.
    """
    while not done.wait(1.0):
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return
