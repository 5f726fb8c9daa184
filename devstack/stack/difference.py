"""What another stack.toml would change, in words."""

from __future__ import annotations

from devstack.stack.model import Service, Stack

_CONTRACT = ("name", "shared", "distinct", "links", "origins", "doctor", "settings")
_SERVICE_FIELDS = (
    *(
        "type",
        "dir",
        "command",
        "port",
        "host",
        "port_env",
        "ports",
        "depends_on",
        "restart",
        "stop",
        "setup",
    ),
    *("oneshot", "optional", "profiles", "tls", "tty", "hosts", "source", "env", "ready", "websocket"),
    *("compose", "url"),
)


def difference(before: Stack, now: Stack) -> str:
    """`adds worker; removes old; changes web (port, command)`; "" when both mean the same."""
    added = [name for name in now.services if name not in before.services]
    removed = [name for name in before.services if name not in now.services]
    changed = [
        f"{name} ({', '.join(fields)})"
        for name, one in now.services.items()
        if name in before.services and (fields := changed_fields(before.services[name], one))
    ]
    parts = [
        f"{word} {', '.join(names)}"
        for word, names in (("adds", added), ("removes", removed), ("changes", changed))
        if names
    ]
    contract = [name for name in _CONTRACT if getattr(before, name) != getattr(now, name)]
    if contract:
        parts.append(f"changes {', '.join(contract)}" if not changed else ", ".join(contract))
    return "; ".join(parts)


def changed_fields(before: Service, now: Service) -> list[str]:
    """Keys of stack.toml whose meaning differs between two forms of one service."""
    return [name for name in _SERVICE_FIELDS if getattr(before, name) != getattr(now, name)]
