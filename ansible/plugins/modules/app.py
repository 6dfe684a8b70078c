"""Documents the action `app` for ansible-doc; plugins/action/app.py carries it out on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app
short_description: Deploy, update, configure or remove a Home Assistant app
description:
  - Brings one app (add-on) on a Home Assistant host to a state, and verifies what then runs.
  - Runs on the controller over the library of bb8deploy, which must be installed for the Python of Ansible.
    The host needs ssh and no Python, so set C(gather_facts) to false.
  - Settings come from the inventory, the task and C(bb8deploy.toml) of the workspace. C(.env) files and the
    environment do not count.
  - A host that cannot be reached counts as failed, because C(max_fail_percentage) does not count unreachable
    hosts.
version_added: 1.0.0
options:
  workspace:
    description: Folder of the workspace on the controller, or of the app in it.
    type: path
    required: true
  addon:
    description: Folder of the app, if the workspace has several.
    type: path
  instance:
    description:
      - Name of a second copy of the app on the host, such as V(beta), with its own slug, folder and data.
      - At most 20 lower-case letters, digits and single underscores.
    type: str
  instance_ports:
    description:
      - What happens to the host's ports of the instance. V(drop) leaves them out, V(+1000) adds 1000 to each.
      - Default is what the installed instance has, and V(drop) for a new one.
    type: str
  state:
    description:
      - V(latest) deploys the workspace's app unless exactly this content runs already.
      - V(present) deploys it if the app is not installed. An installed app keeps its version.
      - V(absent) removes the app with its data, its folder and its earlier trees.
    type: str
    choices: [present, absent, latest]
    default: present
  options:
    description: Options of the app. Options that are not named stay as they are; C(null) sets the default.
    type: dict
  secret_options:
    description: The same for options whose values must not be shown, such as values from a vault.
    type: dict
  network:
    description: Ports of the host by port of the container, such as C(8080/tcp); C(null) closes the port.
    type: dict
  boot:
    description: Whether the app starts with the host.
    type: str
    choices: [auto, manual]
  watchdog:
    description: Whether the Supervisor restarts the app when it ends.
    type: bool
  auto_update:
    description: Whether the Supervisor updates the app.
    type: bool
  ingress_panel:
    description: Whether the app is in the sidebar.
    type: bool
  restart:
    description: With O(state=present), restart a running app whose options change.
    type: bool
    default: true
  backup:
    description: Make a backup of the app before an update.
    type: bool
    default: false
  validate:
    description: Check the app by the rules of C(bb8deploy validate) before anything is sent.
    type: bool
    default: true
  overwrite_edits:
    description: Overwrite files that were edited on the host. Their tree stays on the host for a rollback.
    type: bool
    default: false
  discard_edits:
    description: With O(state=absent), also remove files that bb8deploy did not send.
    type: bool
    default: false
  remove_config:
    description: With O(state=absent), remove the configuration folder of the app too.
    type: bool
    default: false
  host:
    description: Address of the host, or an alias of ssh's configuration. Default is C(ansible_host).
    type: str
  port:
    description: Port of ssh. Default is C(ansible_port), then that of ssh's configuration.
    type: int
  user:
    description: User of ssh. Default is C(ansible_user), then that of ssh's configuration.
    type: str
  private_key_file:
    description: Key of ssh. Default is C(ansible_ssh_private_key_file), then the keys of ssh's configuration.
    type: path
  known_hosts:
    description: File with the keys of known hosts. Default are the files of ssh's configuration.
    type: path
  accept_new:
    description: Keep the key of a host that is not known yet.
    type: bool
    default: false
  sudo:
    description: Run commands on the host through C(sudo -n).
    type: bool
    default: false
  folder:
    description: Folder of the app on the host, such as C(/addons/{slug}).
    type: str
  url:
    description: Address of Home Assistant, for options and for hosts whose ssh has no C(ha) command.
    type: str
  token:
    description: Long-lived access token of an administrator, for O(url).
    type: str
  settings:
    description: Any other setting of docs/settings.md by its name, such as C(BB8_SETTLE_SECONDS).
    type: dict
author:
  - The authors of bb8deploy
attributes:
  check_mode:
    support: full
    description: Reads the host and changes nothing there.
  diff_mode:
    support: full
    description: Shows versions, settings with secrets masked, and unified diffs of text files.
"""

EXAMPLES = r"""
- name: Install or update the app, with a secret from a vault
  bb8deploy.homeassistant.app:
    workspace: "{{ playbook_dir }}/.."
    state: latest
    folder: /addons/{slug}
    url: http://{{ ansible_host }}:8123
    token: "{{ vault_token }}"
    options:
      log_level: info
    secret_options:
      mqtt_password: "{{ vault_mqtt_password }}"

- name: Run a second copy of the app beside it
  bb8deploy.homeassistant.app:
    workspace: "{{ playbook_dir }}/.."
    state: latest
    folder: /addons/{slug}
    instance: beta
    instance_ports: "+1000"

- name: Remove the app
  bb8deploy.homeassistant.app:
    workspace: "{{ playbook_dir }}/.."
    state: absent
    folder: /addons/{slug}
"""

RETURN = r"""
action:
  description: What was done, such as C(install), C(update), C(start), C(options), C(remove) or C(none).
  returned: success
  type: str
version:
  description: Version of the app.
  returned: success
  type: str
tree:
  description: Digest of the workspace's content, empty if it was not read.
  returned: success
  type: str
proof:
  description: Level at which this run verified what runs, empty if it did not.
  returned: success
  type: str
tokens:
  description: The facts that this run observed, as in docs/tokens.md.
  returned: always
  type: list
  elements: str
preview:
  description: The plan, in check mode.
  returned: success
  type: list
  elements: str
reports:
  description: Folder on the controller with the receipts of this host.
  returned: always
  type: str
code:
  description: Code of the error, as in docs/errors.md.
  returned: failure
  type: str
remedy:
  description: What to do about the error.
  returned: failure
  type: str
details:
  description: Further lines about the error, such as the app's last log lines.
  returned: failure
  type: list
  elements: str
"""
