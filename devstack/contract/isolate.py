"""A second checkout beside the first: every port moved by one offset, and every address that names one.

Pure: the result is another `Stack`, whose ports, commands and `set` values are the moved ones. No file is
touched; values of the process environment win over the files of Next, Vite, dotenv and python-dotenv. What
cannot be moved that way is said in `remarks`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from devstack.contract.local_addresses import Moves
from devstack.env.model import Environment
from devstack.env.source.model import SourceIndex
from devstack.errors import PortHeldError
from devstack.host.port_numbers import LAST, MACOS_RECEIVER, is_browser_blocked
from devstack.records import dataclass, replace
from devstack.stack import defaults
from devstack.stack.launch import Launch, launch
from devstack.stack.model import LiteralValue, Port, Service, Stack
from devstack.stack.scripts import PAGE_SERVERS

_STEP = 100  # the last two digits stay, so that a moved port is recognised
_FIRST, _BELOW_EPHEMERAL = 1024, 32768

Sources = Callable[[str], SourceIndex]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A declared port and the one used instead."""

    service: str
    role: str
    declared: int
    port: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rewrite:
    """A variable that a process gets with another value than the files give. Values may hold secrets."""

    service: str
    name: str
    before: str
    after: str

    def __repr__(self) -> str:
        return f"Rewrite({self.service}:{self.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The moved stack, and how it differs from the declared one."""

    stack: Stack
    moves: tuple[Move, ...]
    rewrites: tuple[Rewrite, ...]
    remarks: tuple[str, ...] = ()

    @property
    def declared(self) -> dict[str, int]:
        """Declared main port of each service that uses another one."""
        return {move.service: move.declared for move in self.moves if move.role == "main"}


def choose_offset(stack: Stack, root: Path, is_taken: Callable[[int], bool]) -> int:
    """The offset of the checkout in `root`: the same every time, unless somebody holds one of the ports."""
    declared = _movable(stack)
    if not declared:
        return 0
    for offset in _offsets(declared, str(root)):
        if not any(is_taken(port + offset) for port in declared):
            return offset
    raise PortHeldError(
        "no offset is left at which all ports of this stack are free",
        hint="devstack ports --all shows who listens",
    )


def _offsets(declared: frozenset[int], root: str) -> Iterator[int]:
    """Usable offsets, beginning at one that the checkout's path gives."""
    low, high = min(declared), max(declared)
    limit = _BELOW_EPHEMERAL - 1 if high < _BELOW_EPHEMERAL else LAST
    first = math.ceil((_FIRST - low) / _STEP)
    last = (limit - high) // _STEP
    usable = [
        step * _STEP
        for step in range(first, last + 1)
        if step and all(_is_good(port + step * _STEP, declared) for port in declared)
    ]
    # Upwards first: 3000 → 13000 reads better than 3000 → 1200.
    usable.sort(key=lambda offset: offset < 0)
    above = sum(1 for offset in usable if offset > 0) or len(usable)
    begin = int.from_bytes(hashlib.sha256(root.encode()).digest()[:8]) % above if above else 0
    yield from usable[begin:]
    yield from usable[:begin]


def _is_good(port: int, declared: frozenset[int]) -> bool:
    return port not in declared and not is_browser_blocked(port) and port not in MACOS_RECEIVER


def _movable(stack: Stack) -> frozenset[int]:
    return frozenset(
        port.number
        for service in stack.services.values()
        if defaults.starts(service)
        for port in service.all_ports
    )


def isolate(
    stack: Stack, environments: Mapping[str, Environment], sources: Sources, *, offset: int
) -> Isolation:
    """The stack with every port moved by `offset`; call it again whenever the environments change.

    Args:
        environments: of the declared stack, for every service.
        sources: what a service's code reads, with the fallbacks that hold when a variable is unset.
    """
    fixed = dict(_fixed(stack, environments, sources))
    kept = {_number(stack, *key) for key in fixed}
    ports = {number: number + offset for number in _movable(stack) if number not in kept}
    aliases = [name for service in stack.services.values() for name in service.hosts if service.all_ports]
    moves = Moves(ports, tuple(aliases))
    services: dict[str, Service] = {}
    rewrites: list[Rewrite] = []
    for name, service in stack.services.items():
        changed = _rewrites(service, environments[name], sources(name), moves)
        rewrites += changed
        services[name] = _moved(stack, service, changed, moves)
    return Isolation(
        stack=replace(stack, services=MappingProxyType(services)),
        moves=tuple(_moves(stack, services)),
        rewrites=tuple(rewrites),
        remarks=(*fixed.values(), *_unreachable(stack, sources, moves)),
    )


def not_applied(isolation: Isolation, environments: Mapping[str, Environment]) -> tuple[str, ...]:
    """Rewrites that a program will not see, by the environments of the moved stack: its files win."""
    lost = []
    for rewrite in isolation.rewrites:
        value = environments[rewrite.service].get(rewrite.name)
        if value is None or (value.unknown is None and value.text != rewrite.after):
            lost.append(
                f"{rewrite.service}: its env files win over the process, so {rewrite.name} stays as it is"
            )
    return tuple(lost)


def _number(stack: Stack, service: str, role: str) -> int:
    return next(port.number for port in stack.services[service].all_ports if port.role == role)


def _moves(stack: Stack, services: Mapping[str, Service]) -> Iterator[Move]:
    for name, service in services.items():
        for old, new in zip(stack.services[name].all_ports, service.all_ports, strict=True):
            if old.number != new.number:
                yield Move(service=name, role=old.role, declared=old.number, port=new.number)


def _rewrites(service: Service, environment: Environment, source: SourceIndex, moves: Moves) -> list[Rewrite]:
    """Every variable whose effective value, or whose fallback in the code, names a moved port."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in environment.variables.items():
        if value.text:
            found[name] = (value.text, moves.value(name, value.text))
    for read in source.reads:
        if read.name is None or read.name in found:
            continue
        inherited = environment.get(read.name)
        before = inherited.text if inherited is not None else read.fallback
        if before:
            found[read.name] = (before, moves.value(read.name, before))
    port_env = defaults.port_env(service)
    if port_env and service.port is not None and service.port in moves.ports:
        found[port_env] = (str(service.port), str(moves.ports[service.port]))
    return [
        Rewrite(service=service.name, name=name, before=before, after=after)
        for name, (before, after) in found.items()
        if before != after
    ]


def _moved(stack: Stack, service: Service, rewrites: Iterable[Rewrite], moves: Moves) -> Service:
    assignments = {**service.env.assignments, **{entry.name: entry.after for entry in rewrites}}
    socket = service.websocket
    if socket is not None and socket.origin:
        socket = replace(socket, origin=moves.address(socket.origin))
    url = service.url
    if isinstance(url, LiteralValue):
        url = LiteralValue(value=moves.address(url.value), text=moves.address(url.text))
    is_ours = defaults.starts(service)
    return replace(
        service,
        port=moves.ports.get(service.port, service.port) if is_ours and service.port else service.port,
        ports=tuple(
            Port(role=port.role, number=moves.ports.get(port.number, port.number) if is_ours else port.number)
            for port in service.ports
        ),
        command=_command(stack, service, moves),
        websocket=socket,
        url=url,
        env=replace(service.env, assignments=MappingProxyType(assignments)),
    )


def _command(stack: Stack, service: Service, moves: Moves) -> str | None:
    """The command with its own ports moved; a page server whose script fixes the port gets a later flag."""
    started = launch(stack, service)
    if started is None:
        return service.command
    moved = moves.command(started.command, [port.number for port in service.all_ports])
    flags = _script_flags(service, started, moves)
    if flags:
        return f"{moved} {flags}"
    return moved if moved != started.command else service.command


def _script_flags(service: Service, started: Launch, moves: Moves) -> str:
    """Flags that win over those of the package.json script: both servers take the last one."""
    server = PAGE_SERVERS.get(service.type)
    if server is None or service.port is None or service.port not in moves.ports:
        return ""
    if started.script is None or not _fixes_port(started.script.text):
        return ""
    flags = [server.flags[0], str(moves.ports[service.port])]
    flags += [server.strict] if server.strict and server.strict not in started.script.text else []
    separator = ["--"] if started.script.manager == "npm" and " -- " not in started.command else []
    return " ".join([*separator, *flags])


def _fixes_port(script: str) -> bool:
    return re.search(r"(?:^|\s)(?:-p|--port)[\s=]?\d", script) is not None


def _fixed(
    stack: Stack, environments: Mapping[str, Environment], sources: Sources
) -> Iterator[tuple[tuple[str, str], str]]:
    """Ports that nothing carries into their process: (service, role) and the remark about it."""
    for name, service in stack.services.items():
        if not defaults.starts(service):
            continue
        for port in service.all_ports:
            if not _is_carried(stack, service, port, environment=environments[name], source=sources(name)):
                yield (name, port.role), _remark(name, port)


def _remark(service: str, port: Port) -> str:
    if port.role == "main":
        return (
            f"{service}: nothing tells it its port {port.number}; "
            f'let it read one from a variable and declare port_env = "PORT"'
        )
    return (
        f"{service}: its {port.role} port {port.number} is fixed in its own configuration and stays; "
        f"let that read a variable such as {port.role.upper().replace('-', '_')}_PORT"
    )


def _is_carried(
    stack: Stack, service: Service, port: Port, *, environment: Environment, source: SourceIndex
) -> bool:
    """Whether the process learns this port from something that devstack gives it."""
    started = launch(stack, service)
    probe = Moves({port.number: port.number + 1})
    if started is not None and probe.command(started.command, [port.number]) != started.command:
        return True
    if port.role == "main" and (service.type in PAGE_SERVERS or defaults.port_env(service)):
        return True
    found = _rewrites(replace(service, port=None), environment, source, probe)
    return any(entry.before.strip().isdecimal() for entry in found)


def _unreachable(stack: Stack, sources: Sources, moves: Moves) -> Iterator[str]:
    """Addresses that no environment reaches: literals in sources."""
    for name in stack.services:
        for literal in sources(name).urls:
            if not literal.is_fallback and moves.address(literal.url) != literal.url:
                yield (
                    f"{name}: {literal.path}:{literal.line} writes an address of this stack into the code; "
                    "it reaches the other checkout"
                )
