"""What paramiko and a server agree on: a missing alias, limits of ssh's configuration, clashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bb8deploy.catalogue.errors.ssh import SSH_OPTION_UNSUPPORTED
from bb8deploy.transport.send_order import SendOrder
from bb8deploy.transport.ssh_config import Hop

if TYPE_CHECKING:
    import paramiko

Offer = dict[str, list[str]]
"""What the server offers, by paramiko's name of the list."""
ALLOW = "Allow one of the algorithms that bb8deploy knows in the sshd configuration of the host."
CURVE25519 = "curve25519-sha256"
_OPTIONS = {
    "kexalgorithms": "kex",
    "hostkeyalgorithms": "key_types",
    "ciphers": "ciphers",
    "macs": "digests",
}
_LISTS = (
    ("kex_algo_list", "kex", "key exchange"),
    ("server_key_algo_list", "key_types", "host key type"),
    ("server_encrypt_algo_list", "ciphers", "cipher"),
    ("server_mac_algo_list", "digests", "MAC"),
)


def restrict(options: paramiko.SecurityOptions, hop: Hop) -> None:
    """Keeps those of our algorithms that ssh's configuration allows.

    Raises UsageError SSH_OPTION_UNSUPPORTED if none is left.
    """
    for word, allowed in hop.algorithms:
        ours = getattr(options, _OPTIONS[word])
        left = [name for name in ours if name in allowed]
        if not left:
            raise SSH_OPTION_UNSUPPORTED(
                f"ssh's configuration for {hop.host} allows for {word} only {', '.join(allowed)}; "
                f"bb8deploy knows {', '.join(ours)}",
                "Allow one of these for this host, or use the mounted folder.",
            )
        setattr(options, _OPTIONS[word], left)


def no_common(offer: Offer, options: paramiko.SecurityOptions) -> str:
    """The kind of algorithm that the two sides do not share, with both lists; empty if there is none.

    A cipher with its own authentication needs no MAC, so a clash of MACs shows only if the ciphers agree.
    """
    for name, attribute, kind in _LISTS:
        theirs, ours = offer.get(name, []), list(getattr(options, attribute))
        if theirs and not set(theirs) & set(ours):
            return f"no {kind} in common: it offers {', '.join(theirs)}; bb8deploy knows {', '.join(ours)}"
    return ""


def transport_class(signals: dict[int, str], order: SendOrder, offer: Offer) -> type[paramiko.Transport]:
    """paramiko's Transport with four additions.

    It keeps the names of signals that ended commands, in `signals` by channel id, and what the server offers,
    in `offer`. `order` decides when a channel's close is answered. It knows Curve25519 by its name in RFC
    8731 too; paramiko only knows the older name with @libssh.org of the same exchange.
    """
    import paramiko
    from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_FAILURE, MSG_CHANNEL_REQUEST

    base = paramiko.Transport
    table: dict[int, Any] = dict(getattr(base, "_channel_handler_table", {}))
    plain = table.get(MSG_CHANNEL_REQUEST)
    added: dict[str, object] = _with_alias(base)
    parse = getattr(base, "_really_parse_kex_init", None)

    def request(channel: paramiko.Channel, message: paramiko.Message) -> None:
        copy = paramiko.Message(message.asbytes())
        copy.get_int()
        if copy.get_text() == "exit-signal" and not copy.get_boolean():
            signals[channel.get_id()] = copy.get_text()
        if plain:
            plain(channel, message)

    def read_offer(self: paramiko.Transport, *words: Any, **more: Any) -> Any:
        parsed = parse(self, *words, **more) if parse else {}
        offer.update({name: list(value) for name, value in parsed.items() if isinstance(value, list)})
        return parsed

    if plain is not None:
        added["_channel_handler_table"] = {
            **table,
            MSG_CHANNEL_REQUEST: request,
            MSG_CHANNEL_CLOSE: order.on_close,
            MSG_CHANNEL_FAILURE: order.on_refusal,
        }
    if parse is not None:
        added["_really_parse_kex_init"] = read_offer
    return type("Transport", (base,), added)


def _with_alias(base: type[paramiko.Transport]) -> dict[str, object]:
    """Attributes that add the RFC's name of Curve25519 before the older one."""
    older = f"{CURVE25519}@libssh.org"
    known: dict[str, object] = dict(getattr(base, "_kex_info", {}))
    preferred: tuple[str, ...] = tuple(getattr(base, "_preferred_kex", ()))
    if CURVE25519 in known or older not in known or older not in preferred:
        return {}
    at = preferred.index(older)
    return {
        "_kex_info": {**known, CURVE25519: known[older]},
        "_preferred_kex": (*preferred[:at], CURVE25519, *preferred[at:]),
    }
