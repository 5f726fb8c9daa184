"""Whether a frontend's dev server hands a path on to another service: Vite's `server.proxy`, Next's `rewrites`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from devstack.contract import urls
from devstack.contract.links import Target, resolve
from devstack.contract.members import Facts
from devstack.contract.urls import Address
from devstack.env.source import jsconfig
from devstack.patterns import regex
from devstack.stack.launch import launch
from devstack.stack.model import Service, ServiceType

# Plugins and hooks with which a Vite dev server runs backend code of its own.
_OWN_BACKEND = regex(
    r"configureServer|middlewareMode|@hono/vite|remix|reactRouter|tanstackStart|TanStackStart|nitro|sveltekit|vike"
    r"|vinxi|@cloudflare/vite-plugin|qwikCity|solidStart|astro"
)


class Forwarding(StrEnum):
    """What a dev server does with a path."""

    YES = "forwards it"
    NO = "keeps it"
    WITHOUT_UPGRADE = "forwards requests, never upgrades"
    UNKNOWN = "cannot be known"


def forwarding(facts: Facts, service: Service, address: Address, target: Target) -> Forwarding:
    """What the dev server of `service` does with `address`; it should arrive at `target`."""
    if has_own_server(facts, service):
        return Forwarding.UNKNOWN
    found = jsconfig.of(facts.stack, service, facts.files)
    if found is None:
        return Forwarding.NO
    text = found[1]
    if service.type is ServiceType.VITE:
        return _vite(facts, text, address, target)
    return _next(facts, text, address, target)


def hands_on(facts: Facts, service: Service, path: str, target: Target) -> bool:
    """Whether the dev server of `service` hands this path on to `target`, or any path where it is empty."""
    if path:
        address = urls.parse(path)
        return forwarding(facts, service, address, target) is not Forwarding.NO
    found = jsconfig.of(facts.stack, service, facts.files)
    return found is not None and re.search(r"\b(?:proxy|rewrites)\b", found[1]) is not None


def has_own_server(facts: Facts, service: Service) -> bool:
    """Whether something else than the framework's own dev server answers on the frontend's port."""
    started = launch(facts.stack, service)
    if started is None:
        return False
    spoken = started.command if started.script is None else started.script.text
    return not re.search(rf"(?:^|[\s/=]){service.type.value}(?:$|[\s@])", spoken)


def runs_on_server_too(facts: Facts, service: Service) -> bool:
    """Whether a Vite project's modules also run in a server of its framework, where `process.env` exists."""
    found = jsconfig.of(facts.stack, service, facts.files)
    return found is not None and _OWN_BACKEND.search(found[1]) is not None


def _vite(facts: Facts, text: str, address: Address, target: Target) -> Forwarding:
    entries = _proxy_entries(text)
    path = address.path or "/"
    for prefix, entry in entries.items():
        if not _matches(prefix, path):
            continue
        literal = entry.get("target") or entry.get("")
        if literal is None:
            return Forwarding.UNKNOWN
        if target not in resolve(urls.parse(literal), facts.stack).targets:
            return Forwarding.NO
        upgrades = entry.get("ws") == "true" or literal.startswith("ws")
        return Forwarding.YES if upgrades or not address.is_websocket else Forwarding.WITHOUT_UPGRADE
    if (not entries and re.search(r"\bproxy\b", text)) or _OWN_BACKEND.search(text):
        return Forwarding.UNKNOWN
    return Forwarding.NO


def _matches(prefix: str, path: str) -> bool:
    if prefix.startswith("^"):
        try:
            return re.search(prefix, path) is not None
        except re.error:
            return True
    return path.startswith(prefix)


def _proxy_entries(text: str) -> dict[str, dict[str, str]]:
    """Path prefix → its literals: `target`, `ws`; the short form's target stands under the empty key."""
    entries: dict[str, dict[str, str]] = {}
    for found in jsconfig.literals(text):
        if "proxy" in found.keys:
            rest = found.keys[found.keys.index("proxy") + 1 :]
            if rest:
                entries.setdefault(rest[0], {})[rest[1] if len(rest) > 1 else ""] = found.text
    return entries


def _next(facts: Facts, text: str, address: Address, target: Target) -> Forwarding:
    if "rewrites" not in text:
        return Forwarding.NO
    for source, destination in _rewrites(text).items():
        start = re.split(r"[:*(]", source)[0]
        if (address.path or "/").startswith(start.rstrip("/") or "/"):
            found = resolve(urls.parse(destination), facts.stack).targets
            return Forwarding.YES if target in found else Forwarding.NO
    return Forwarding.UNKNOWN


def _rewrites(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    source = None
    for literal in jsconfig.literals(text):
        if literal.is_at("source"):
            source = literal.text
        elif literal.is_at("destination") and source is not None and urls.has_scheme(literal.text):
            found[source] = literal.text
            source = None
    return found
