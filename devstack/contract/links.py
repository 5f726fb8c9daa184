"""Where the value of a link leads, and what the link asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from devstack.contract import urls
from devstack.contract.members import Effective, Facts
from devstack.contract.urls import Address
from devstack.patterns import regex
from devstack.records import dataclass, replace
from devstack.stack.model import FRONTENDS, HostPortReference, Link, Reference, Service, ServiceType, Stack

# What Docker calls the machine that containers run on.
DOCKER_HOSTS = ("host.docker.internal", "gateway.docker.internal")
_SOCKET_NAME = regex(r"(?:^|_)(?:WS|WSS|WEBSOCKETS?)(?:_|$)")


class Where(StrEnum):
    """What kind of place a URL's host is, seen from this machine."""

    LOCAL = "this machine"
    ALIAS = "a declared host name"
    CONTAINER = "a name without a dot"
    PRIVATE = "a private network"
    PUBLIC = "a public host"
    RELATIVE = "the page's own origin"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A declared port of a declared service."""

    service: str
    role: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Where an address leads.

    Attributes:
        targets: declared ports that it names; empty when no service claims that port.
        other_family: targets that listen on the other address family only.
    """

    where: Where
    targets: tuple[Target, ...] = ()
    other_family: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a link asks of its value.

    Attributes:
        websocket: True = ws(s), False = http(s), None = either.
        secure: whether TLS is spoken; None = unknown.
        schemes: declared schemes, or None.
        path: the path that must be there; None = any.
        is_path_declared: the link itself says so, not only the target's WebSocket.
        browser: the URL is used by a page.
    """

    websocket: bool | None
    secure: bool | None
    schemes: tuple[str, ...] | None
    path: str | None
    is_path_declared: bool
    browser: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLink:
    """A link with its effective value, taken apart. `address` is None where there is no decided text."""

    index: int
    link: Link
    effective: Effective
    address: Address | None
    resolution: Resolution
    requirement: Requirement

    @property
    def key(self) -> str:
        """The dotted key of stack.toml."""
        return f"links.{self.index}.from"

    @property
    def target(self) -> Target:
        """What the link must reach."""
        return Target(service=self.link.to, role=self.link.role)

    @property
    def reaches(self) -> bool:
        """Whether the address names the target's port on a family that the target listens on."""
        return self.target in self.resolution.targets


def judged(facts: Facts) -> Iterator[JudgedLink]:
    """Every link of the stack, judged by its effective value."""
    for index, link in enumerate(facts.stack.links):
        if link.to in facts.stack.services and link.source.service in facts.stack.services:
            effective = link_value(link, facts)
            yield judge(index, link, effective, facts)


def judge(index: int, link: Link, effective: Effective, facts: Facts) -> JudgedLink:
    """The link as if its value were `effective`."""
    address = _address(link, effective)
    nowhere = Resolution(where=Where.UNKNOWN)
    return JudgedLink(
        index=index,
        link=link,
        effective=effective,
        address=address,
        resolution=nowhere if address is None else resolve(address, facts.stack),
        requirement=requirement(link, facts),
    )


def link_value(link: Link, facts: Facts) -> Effective:
    """The effective value; a host and port pair becomes `host:port`, placed where the port is defined."""
    if isinstance(link.source, Reference):
        return facts.effective(link.source)
    service = link.source.service
    host, port = (
        facts.effective(Reference(service=service, names=(name,), text=f"{service}:{name}"))
        for name in (link.source.host_name, link.source.port_name)
    )
    return _joined(host, port)


def _joined(host: Effective, port: Effective) -> Effective:
    if not (host.is_known and port.is_known and port.text):
        return replace(port, text=None, unknown=port.unknown or host.unknown)
    return replace(port, text=f"{host.text or 'localhost'}:{port.text}")


def _address(link: Link, effective: Effective) -> Address | None:
    if not effective.is_known or not effective.text:
        return None
    if isinstance(link.source, HostPortReference):
        return urls.parse(f"tcp://{effective.text}")
    if link.source.part is not None:
        return None
    if re.match(r"[^/?#]*://[^/?#]*,|[^/]*,", effective.text):
        return None  # several addresses in one value: brokers, replica sets
    return urls.parse(effective.text)


def resolve(address: Address, stack: Stack) -> Resolution:
    """Which declared services an address names."""
    if address.relative:
        return Resolution(where=Where.RELATIVE)
    host, port = address.host, address.effective_port
    if not host:
        return Resolution(where=Where.UNKNOWN)
    aliased = [service for service in stack.services.values() if _is_alias(service, host)]
    if aliased:
        return Resolution(where=Where.ALIAS, targets=tuple(_ports_of(service, port) for service in aliased))
    if urls.is_loopback(host) or urls.is_unspecified(host) or host in DOCKER_HOSTS:
        return _local(host, port, stack)
    if urls.is_single_label(host):
        return Resolution(where=Where.CONTAINER)
    return Resolution(where=Where.PUBLIC if urls.is_public(host) else Where.PRIVATE)


def _is_alias(service: Service, host: str) -> bool:
    if host in (name.lower() for name in service.hosts):
        return True
    return service.compose is not None and host in (service.name, service.compose.service.lower())


def _ports_of(service: Service, port: int | None) -> Target:
    """The role that has this port; a container's inner port may be another than the published one."""
    role = next((each.role for each in service.all_ports if each.number == port), None)
    if role is None and (service.compose is not None or not service.all_ports):
        role = "main"
    return Target(service=service.name, role=role or "")


def _local(host: str, port: int | None, stack: Stack) -> Resolution:
    reached: list[Target] = []
    missed: list[Target] = []
    for service in stack.services.values():
        for each in service.all_ports:
            if each.number == port:
                family_misses = is_other_family(host, service.host)
                (missed if family_misses else reached).append(Target(service=service.name, role=each.role))
    return Resolution(where=Where.LOCAL, targets=tuple(reached), other_family=tuple(missed))


def is_other_family(host: str, listens_on: str | None) -> bool:
    """Whether dialling `host` cannot reach a server that listens on `listens_on`; False when unsure."""
    dialled, bound = urls.ip(host), urls.ip(listens_on or "")
    if dialled is None or bound is None or dialled.is_unspecified:
        return False
    if isinstance(dialled, IPv4Address):
        return isinstance(bound, IPv6Address) and not bound.is_unspecified
    return isinstance(bound, IPv4Address)


def requirement(link: Link, facts: Facts) -> Requirement:
    """What the link asks: as declared, else by the target, else by the variable's name."""
    target = facts.stack.services[link.to]
    schemes = None if link.schemes is None or "any" in link.schemes else link.schemes
    websocket = _wants_websocket(link, target, facts)
    path, is_declared = link.path, link.path is not None
    spec = target.websocket
    if path is None and spec is not None and websocket and spec.protocol in ("ws", "graphql-ws"):
        path = spec.path if spec.path not in ("", "/") else None
    return Requirement(
        websocket=websocket,
        secure=_speaks_tls(target, schemes),
        schemes=schemes,
        path=None if link.base else path,
        is_path_declared=is_declared,
        browser=is_for_browser(link, facts),
    )


def _wants_websocket(link: Link, target: Service, facts: Facts) -> bool | None:
    if link.schemes is not None:
        kinds = {scheme in ("ws", "wss") for scheme in link.schemes if scheme in urls.WEB_SCHEMES}
        return kinds.pop() if len(kinds) == 1 else None
    if not isinstance(link.source, Reference):
        return None
    if target.websocket is not None and target.websocket.protocol in ("socket.io", "livekit"):
        return None
    name = link.source.name
    if not _SOCKET_NAME.search(name) or (target.websocket is None and not is_for_browser(link, facts)):
        return None  # a server may well talk to a WebSocket server by HTTP (`/broadcast`, `/health`)
    if _speaks_socket_io(facts, link.source.service):
        return None
    return True


def _speaks_socket_io(facts: Facts, service: str) -> bool:
    folder = facts.stack.root / facts.stack.services[service].dir
    text = facts.read_text(folder / "package.json") or ""
    return '"socket.io-client"' in text or '"livekit-client"' in text or '"@livekit/' in text


def _speaks_tls(target: Service, schemes: tuple[str, ...] | None) -> bool | None:
    if target.tls:
        return True
    if schemes is not None:
        kinds = {scheme in urls.SECURE for scheme in schemes if scheme in urls.WEB_SCHEMES}
        return kinds.pop() if len(kinds) == 1 else None
    if target.type in (ServiceType.EXTERNAL, ServiceType.COMPOSE):
        return None
    return False


def is_for_browser(link: Link, facts: Facts) -> bool:
    """Whose view of the host counts: as declared, else a page's for public variables of a frontend."""
    if link.used_by is not None:
        return link.used_by == "browser"
    service = facts.stack.services[link.source.service]
    environment = facts.environments.get(service.name)
    if service.type not in FRONTENDS or environment is None or not isinstance(link.source, Reference):
        return False
    return any(environment.is_public(name) for name in link.source.names)


def is_same_endpoint(left: str, right: str, stack: Stack) -> bool:
    """Whether two texts are equal, equal as URLs, or name one declared port with one path and user."""
    if left == right:
        return True
    one, other = urls.comparable(left), urls.comparable(right)
    if one is None or other is None:
        return False
    if one == other:
        return True
    a, b = urls.parse(left), urls.parse(right)
    there, here = resolve(a, stack), resolve(b, stack)
    common = set(there.targets) & set(here.targets)
    if not any(target.role for target in common):
        return False
    return (a.is_secure, a.user, a.password, a.path.rstrip("/"), a.query) == (
        b.is_secure,
        b.user,
        b.password,
        b.path.rstrip("/"),
        b.query,
    ) and (a.scheme == b.scheme or {a.scheme, b.scheme} <= set(urls.WEB_SCHEMES))
