"""The ssh connection to the host: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import Code, Refused, Unreachable, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
HOST_KEY_CHANGED = ErrorCode(
    Code("HOST_KEY_CHANGED"), Area.SSH, Refused, "the host key has changed",
    "known_hosts has a key of this type for the host, and the host offered a different one. The error"
    " shows both fingerprints. Either the host was reinstalled (the SSH app makes new keys if its data"
    " is lost), or another machine intercepts the connection. Nothing was sent.",
    "Check the fingerprint on the host itself. If the new key is right, remove the old one with"
    " `ssh-keygen -R NAME` and run once with `--accept-new`. If it is not, do not connect.",
)
HOST_KEY_REVOKED = ErrorCode(
    Code("HOST_KEY_REVOKED"), Area.SSH, Refused, "the host key is revoked",
    "A `@revoked` line in a known_hosts file has the key that the host offers. `--accept-new` does not"
    " override it.",
    "Do not connect, and ask the host's administrator for its new key. Remove the line if it is a"
    " mistake.",
)
HOST_KEY_UNKNOWN = ErrorCode(
    Code("HOST_KEY_UNKNOWN"), Area.SSH, Refused, "the host key is unknown",
    "No known_hosts file has a key for this host. bb8deploy does not trust an unknown key, because"
    " files and settings would go to whichever machine answers.",
    "Compare the fingerprint with the one that the host shows, then run the command once with"
    " `--accept-new`. On the host, `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows it. Host"
    " certificates (`@cert-authority`) are not supported.",
)
KNOWN_HOSTS_UNREADABLE = ErrorCode(
    Code("KNOWN_HOSTS_UNREADABLE"), Area.SSH, UsageError, "known_hosts cannot be read",
    "A known_hosts file exists, but you do not have permission to read it. It may have the key of this"
    " host, or mark it as revoked.",
    "Make the file readable (`chmod 600 ~/.ssh/known_hosts`), or set HA_SSH_KNOWN_HOSTS to another file.",
)
KNOWN_HOSTS_UNWRITABLE = ErrorCode(
    Code("KNOWN_HOSTS_UNWRITABLE"), Area.SSH, UsageError, "the host key cannot be saved",
    "`--accept-new` was given, but known_hosts cannot be written. A key that is accepted but not saved"
    " would be accepted without a check every time.",
    "Make the file and its folder writable, or set HA_SSH_KNOWN_HOSTS to a file that is.",
)
SHELL_BROKEN = Symptom(
    Code("SHELL_BROKEN"), Area.SSH, "the login shell runs no commands",
    "The command `true` failed on the host: the login shell is a menu, or its startup files fail. Every"
    " command over ssh runs in this shell.",
    "Give the user a plain shell, or remove the failing lines from its startup files.",
)
SHELL_NOISY = Symptom(
    Code("SHELL_NOISY"), Area.SSH, "the login shell prints before every command",
    "The login shell prints text before a command's own output. bb8deploy skips it, but rsync, scp and"
    " sftp fail.",
    "Let the startup files print on a terminal only. Put `case $- in *i*) ;; *) return ;; esac` at"
    " their beginning.",
)
SHELL_SLOW = Symptom(
    Code("SHELL_SLOW"), Area.SSH, "commands start slowly",
    "A command that does nothing takes more than half a second over the open connection. The startup"
    " files of the shell run for every command, and a deploy runs about ten.",
    "Look for slow programs in the shell's startup files, such as pyenv, nvm or conda. A slow network"
    " has the same effect.",
)
SSH_ALIAS_INVALID = ErrorCode(
    Code("SSH_ALIAS_INVALID"), Area.SSH, UsageError, "not an ssh destination",
    "`HA_SSH_HOST_ALIAS` must be an alias or `[user@]host[:port]`. bb8deploy passes it to `ssh -G`, so"
    " it cannot contain options.",
    "Use an alias from ~/.ssh/config or `[user@]host[:port]`, with IPv6 addresses in brackets."
    " Examples: `root@homeassistant.local`, `root@192.0.2.7:2222`, `root@[2001:db8::7]:22`.",
)
SSH_AUTH_REFUSED = ErrorCode(
    Code("SSH_AUTH_REFUSED"), Area.SSH, Refused, "the host refused the login",
    "The host was reached and its key is known, but it accepted none of the login methods. The lines"
    " below the error list each method that was tried, and why others were not. Servers disconnect"
    " after a few attempts, so an agent with many keys can use them all up before the right one.",
    "Set HA_SSH_KEY to the private key whose public key is in the SSH app's options, or check the user"
    " name. The official app's user is `root`. A key with a passphrase needs a terminal or ssh-agent."
    " Hardware keys and host certificates are not supported.",
)
SSH_CONFIG_INVALID = ErrorCode(
    Code("SSH_CONFIG_INVALID"), Area.SSH, UsageError, "ssh cannot resolve its configuration",
    "`ssh -G` failed or did not finish for this host. bb8deploy asks ssh how to reach a host, so that"
    " aliases, Include and Match have the same effect as in ssh.",
    "Correct ~/.ssh/config. Run `ssh -G HOST` to see the error.",
)
SSH_DEADLINE = ErrorCode(
    Code("SSH_DEADLINE"), Area.SSH, Unreachable, "the host did not answer in time",
    "A command over ssh did not answer before its deadline and was abandoned. The host may be"
    " overloaded, or the network may drop packets.",
    "Check the load of the host and the network, then run the command again. The next run removes what"
    " this one left on the host.",
)
SSH_EXEC_REFUSED = ErrorCode(
    Code("SSH_EXEC_REFUSED"), Area.SSH, Refused, "the host runs no commands for this user",
    "The login worked, but the server refused to start a command. Some accounts have no shell or are"
    " limited to file transfer.",
    "Check that the user has a shell and that sshd allows sessions for this user. Look for"
    " `ForceCommand`, or a `restrict` option on the key.",
)
SSH_HANDSHAKE = ErrorCode(
    Code("SSH_HANDSHAKE"), Area.SSH, Unreachable, "no ssh handshake",
    "The port is open, but the ssh handshake failed: a timeout, no common algorithm, or another service"
    " on this port. Nothing was sent.",
    "Check that the port is the SSH app's port, and that no firewall or proxy cuts the connection. The"
    " official SSH app publishes no port by default (Configuration, Network).",
)
SSH_JUMP_FAILED = ErrorCode(
    Code("SSH_JUMP_FAILED"), Area.SSH, Unreachable, "the jump host does not forward connections",
    "The connection to the jump host works, but it refused to forward to the next host. ProxyJump needs"
    " TCP forwarding, which the SSH apps turn off by default.",
    "Allow TCP forwarding on the jump host (`AllowTcpForwarding yes`), or use another jump host.",
)
SSH_JUMP_LOOP = ErrorCode(
    Code("SSH_JUMP_LOOP"), Area.SSH, UsageError, "too many jump hosts",
    "Following ProxyJump from host to host took more than eight hops. Such a chain usually leads back"
    " to itself.",
    "Look for a ProxyJump in ~/.ssh/config that leads back to itself. Often a `Host *` block with"
    " ProxyJump must exclude the jump host.",
)
SSH_KEY_MISSING = ErrorCode(
    Code("SSH_KEY_MISSING"), Area.SSH, UsageError, "the key file does not exist",
    "`HA_SSH_KEY` names a file that does not exist. If `HA_SSH_KEY` is set, no other key is tried.",
    "Correct the path in HA_SSH_KEY, or remove the setting to use the keys of ssh's configuration.",
)
SSH_LOST = ErrorCode(
    Code("SSH_LOST"), Area.SSH, Unreachable, "the connection was lost",
    "The connection ended during use: the host restarted, the network changed, or the ssh server"
    " stopped. The app folder on the host is complete, either the earlier tree or the new one, and the"
    " lock was released with the connection.",
    "Run the same command again. `bb8deploy deploy --resume` continues after the last finished step.",
)
SSH_NAME_UNKNOWN = ErrorCode(
    Code("SSH_NAME_UNKNOWN"), Area.SSH, Unreachable, "the host name cannot be resolved",
    "The name in `HA_SSH_HOST_ALIAS` does not resolve to an address. `.local` names need mDNS, which"
    " VPNs and other networks often do not carry.",
    "Check HA_SSH_HOST_ALIAS, or use the host's IP address. A `HostName` line in ~/.ssh/config works"
    " too.",
)
SSH_NO_CONNECTION = ErrorCode(
    Code("SSH_NO_CONNECTION"), Area.SSH, Unreachable, "no connection to the host",
    "No TCP connection to the host's ssh port could be opened. Nothing was sent.",
    "Check that the host is up and that its SSH app runs and publishes this port. `bb8deploy diagnose`"
    " shows what answers. If it is a sandbox that has ended, start it again with `bb8deploy sandbox up`.",
)
SSH_NO_SHELL = ErrorCode(
    Code("SSH_NO_SHELL"), Area.SSH, Refused, "the login works, but commands fail",
    "The host accepted the login, but the command `true` failed. Sync and verify run commands on the"
    " host, so a login for file transfer only, or a shell with a broken startup file, is not enough.",
    "Use a user with a shell, such as root of the SSH app. `ssh HOST true` must succeed.",
)
SSH_OPTION_UNSUPPORTED = ErrorCode(
    Code("SSH_OPTION_UNSUPPORTED"), Area.SSH, UsageError, "an ssh option that bb8deploy does not support",
    "ssh's configuration for this host sets an option that changes how to connect, which login to use or"
    " which hosts to trust, such as ProxyCommand, PKCS11Provider, CertificateFile, BindAddress or"
    " RevokedHostKeys. Or it allows only ciphers, MACs, key exchanges or host key types that bb8deploy"
    " does not have. Ignoring the option would connect in a different way than the configuration asks"
    " for.",
    "Add an alias for this host without the option, or use the mounted folder. ProxyJump is supported."
    " If the algorithms do not match, allow one more of them.",
)
SSH_SESSIONS_FEW = ErrorCode(
    Code("SSH_SESSIONS_FEW"), Area.SSH, Refused, "the server runs one command at a time",
    "bb8deploy runs several commands over one connection at the same time; one of them holds the lock during"
    " the whole run. The host's sshd allows only one session per connection.",
    "Set `MaxSessions` to 4 or more in the sshd configuration of the host. Without that, use the mounted"
    " share (`--via mount`).",
)
