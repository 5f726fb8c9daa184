"""What the found services must agree on: shared secrets, URLs that must reach somebody, allowed origins."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import chain, count
from urllib.parse import SplitResult, urlsplit

from devstack.stack.detect.model import (
    Candidate,
    Detected,
    Evidence,
    FoundLink,
    FoundOrigins,
    FoundShared,
    Read,
)
from devstack.stack.graph import find_cycle
from devstack.stack.model import ServiceType

FRONTEND_PORTS = {ServiceType.NEXT: 3000, ServiceType.VITE: 5173}

_PREFIX = re.compile(r"^(?:(?:NEXT_|EXPO_|NUXT_)?PUBLIC_|VITE_|REACT_APP_|VUE_APP_|GATSBY_)")
_SHARED_SECRET = re.compile(
    r"(?:JWT|AUTH|SESSION|SIGNING|TOKEN|API|WEBHOOK|SHARED|SOCKET|WS)_?SECRET(?:_KEY)?$"
)
_SHARED_NAMES = {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"}
_URL_NAME = re.compile(r"(?:URL|URI|ENDPOINT|ORIGIN|_WS|_SOCKET|SERVER|BACKEND)$")
_ORIGINS_NAME = re.compile(
    r"^(?!.*(?:FRAME|EMBED)).*(?:CORS|ALLOWED_ORIGIN|(?:CLIENT|FRONTEND|WEB|APP)_(?:URL|ORIGIN)S?$)"
)
_SOCKET_NAME = re.compile(r"WS|WEBSOCKET|SOCKET|REALTIME")
_SERVER_NAME = re.compile(r"API|BACKEND|SERVER")
_SCHEMES = ("ws", "wss", "http", "https")
_LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}


def infer(detected: Detected) -> None:
    """Fill `shared`, `links`, `origins` and what each service waits for, anew."""
    detected.links, detected.origins = [], []
    for service in detected.services:
        service.needs = []
    detected.shared = _shared(detected.services)
    grouped = {member for group in detected.shared for member in group.members}
    for service in detected.services:
        for read in _distinct_reads(service):
            if f"{service.name}:{read.names[0]}" not in grouped:
                _address(detected, service, read)
        for address, _ in service.proxied:
            url = _split(address)
            target = None if url is None else _behind(detected, service, url)
            if target is not None and target is not service:
                _wait(detected, service, target)


def _distinct_reads(service: Candidate) -> list[Read]:
    """One read for each variable: the one with the longest chain, then the one with a fallback."""
    best: dict[str, Read] = {}
    for read in service.reads:
        known = best.get(read.names[0])
        if known is None or _weight(read) > _weight(known):
            best[read.names[0]] = read
    return list(best.values())


def _weight(read: Read) -> tuple[bool, int, bool]:
    return read.is_source, len(read.names), read.fallback is not None


def _shared(services: list[Candidate]) -> list[FoundShared]:
    groups: dict[str, list[tuple[str, Evidence]]] = {}
    for service in services:
        seen: set[str] = set()
        for read in _distinct_reads(service):
            key = _shared_key(read.names[0])
            if key and key not in seen and (read.is_source or _agrees(service, read, services)):
                seen.add(key)
                groups.setdefault(key, []).append((_reference(service, read), read.evidence))
    return [
        FoundShared(
            name=key.lower().replace("_", "-"),
            members=tuple(member for member, _ in members),
            secret=not key.endswith("_URL"),
            evidence=tuple(evidence for _, evidence in members),
        )
        for key, members in groups.items()
        if len(members) > 1
    ]


def share(detected: Detected, evidence: Mapping[str, Evidence], groups: Collection[str]) -> None:
    """Make one group of these references, and of the groups that are parts of it; the last one gives the name."""
    old = [group for group in detected.shared if group.name in groups]
    members = dict.fromkeys(member for group in old for member in group.members)
    held = {(member.partition(":")[0], name) for member in members for name in re.split(r"[:|?]", member)[1:]}
    new = {
        member: one
        for member, one in evidence.items()
        if (member.partition(":")[0], re.split(r"[:|?]", member)[1]) not in held
    }
    name = old[0].name if old else _unused(detected, [*evidence][-1])
    detected.shared = [group for group in detected.shared if group not in old]
    detected.shared.append(
        FoundShared(
            name=name,
            members=(*members, *new),
            secret=True,
            evidence=(*(one for group in old for one in group.evidence), *new.values()),
        )
    )


def _unused(detected: Detected, member: str) -> str:
    """A group's name after the variable of a member that no group has yet."""
    base = re.split(r"[:|?]", member)[1].lower().replace("_", "-").strip("-")
    taken = {group.name for group in detected.shared}
    names = chain((base,), (f"{base}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _agrees(service: Candidate, read: Read, services: list[Candidate]) -> bool:
    """Whether a variable that no source reads has the value that a service elsewhere has under its name."""
    name = read.names[0]
    value = service.defined.get(name)
    others = (one for one in services if one.folder != service.folder)  # in one folder it is the same line
    return bool(value) and any(one.defined.get(name) == value for one in others)


def _shared_key(name: str) -> str | None:
    """What a variable is called without its public prefix, when its value is likely one for several readers."""
    plain = _PREFIX.sub("", name)
    if plain in _SHARED_NAMES:
        return plain
    return name if _SHARED_SECRET.search(name) and plain == name else None


def _reference(service: Candidate, read: Read) -> str:
    text = read.names[0]
    for name, falls in zip(read.names[1:], read.empty_falls_through, strict=True):
        text += f"{'|' if falls else '?'}{name}"
    return f"{service.name}:{text}"


def _address(detected: Detected, service: Candidate, read: Read) -> None:
    """A URL variable becomes an origin list or a link."""
    name = read.names[0]
    value = _value(service, read)
    if not read.is_source and (not value or (_PREFIX.match(name) and not service.is_frontend)):
        return
    if service.is_worker and _ORIGINS_NAME.search(name):
        return  # nobody calls it
    if not service.is_frontend and _ORIGINS_NAME.search(name):
        allows = tuple(one.name for one in _by_ports(detected, value) if one.is_frontend)
        frontends = tuple(one.name for one in detected.services if one.is_frontend)
        if allows or (len(frontends) == 1 and not value):
            detected.origins.append(
                FoundOrigins(
                    source=_reference(service, read), allows=allows or frontends, evidence=read.evidence
                )
            )
        return
    if not service.defined.get(name) and _is_astray(detected, name, value):
        value = ""
    target = _target(detected, service, name, value)
    if target is not None and target is not service:
        detected.links.append(_link(detected, service, read, target, value))


def _is_astray(detected: Detected, name: str, fallback: str) -> bool:
    """Whether code, for want of the variable, looks for a socket on this machine where no service listens."""
    url = _split(fallback)
    is_local = url is not None and url.hostname in _LOCAL and _port(url) is not None
    return is_local and _SOCKET_NAME.search(name) is not None and not _by_ports(detected, fallback)


def _value(service: Candidate, read: Read) -> str:
    return service.defined.get(read.names[0]) or read.fallback or ""


def _by_ports(detected: Detected, value: str) -> list[Candidate]:
    ports = {int(port) for port in re.findall(r":(\d{2,5})\b", value) if int(port) < 65536}
    return [one for one in detected.services if one.port in ports]


def _target(detected: Detected, service: Candidate, name: str, value: str) -> Candidate | None:
    """Whom a URL names by port or host; an empty one by the variable's name, when only one service fits."""
    url = _split(value)
    if url is not None:
        return _behind(detected, service, url)
    if value or not service.is_frontend or not _PREFIX.match(name) or not _URL_NAME.search(name):
        return None
    servers = [one for one in detected.services if one.port and not one.is_frontend and _is_started(one)]
    if _SOCKET_NAME.search(name):
        fitting = [one for one in servers if one.is_socket]
    else:
        fitting = servers if _SERVER_NAME.search(name) else []
    return fitting[0] if len(fitting) == 1 else None


def _behind(detected: Detected, service: Candidate, url: SplitResult) -> Candidate | None:
    """Whom a URL names; nobody where it is the service itself or several services claim the port."""
    host, port = url.hostname or "", _port(url)
    if port is None:
        return None
    on_port = [one for one in detected.services if one.port == port]
    named = [one for one in on_port if host in (one.name, *one.aliases)]
    if named or host not in _LOCAL:
        return named[0] if named else None
    is_unclear = len(on_port) != 1 or port in detected.contested
    is_own = service in on_port or (service.is_frontend and port == FRONTEND_PORTS.get(service.kind))
    return None if is_unclear or is_own else on_port[0]


def _is_started(service: Candidate) -> bool:
    return service.kind not in (ServiceType.COMPOSE, ServiceType.EXTERNAL)


def _split(value: str) -> SplitResult | None:
    if "://" not in value:
        return None
    try:
        return urlsplit(value)
    except ValueError:
        return None


def _port(url: SplitResult) -> int | None:
    try:
        return url.port
    except ValueError:
        return None


def _link(detected: Detected, service: Candidate, read: Read, target: Candidate, value: str) -> FoundLink:
    """The link, with what `value` tells of it, and that `service` waits for its target."""
    url = _split(value)
    scheme = None if url is None else url.scheme if url.scheme in _SCHEMES else "any"
    if scheme in ("wss", "https") and not target.may_use_tls:
        scheme = None  # a mistake is not to be declared right
    if target.kind is ServiceType.COMPOSE:
        scheme = "any"
    is_socket = url is not None and url.scheme in ("ws", "wss") and scheme != "any"
    path = url.path if url is not None and is_socket and url.path not in ("", "/") else None
    wait = _wait(detected, service, target)
    return FoundLink(
        source=f"{service.name}:{read.names[0]}",
        to=target.name,
        scheme=scheme,
        path=path,
        wait=wait,
        evidence=read.evidence,
    )


def _wait(detected: Detected, service: Candidate, target: Candidate) -> bool:
    """Let `service` wait for `target`, if it may: not for pages, and not where that would close a cycle."""
    if target.is_frontend:
        return False
    needs = {one.name: list(one.needs) for one in detected.services}
    needs[service.name].append(target.name)
    if find_cycle(needs) is not None:
        return False
    if target.name not in service.needs:
        service.needs.append(target.name)
    return True
