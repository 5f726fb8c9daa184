"""What the shape of stack.toml cannot say: names that must exist, what excludes or needs what, cycles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from devstack import settings
from devstack.nearest import did_you_mean
from devstack.records import dataclass
from devstack.stack import reference
from devstack.stack.build import FLAG_PROBES, TEXT_PROBES
from devstack.stack.graph import find_cycle
from devstack.stack.model import Condition, HostPortReference, Reference, ServiceType
from devstack.stack.procfile import Procfile
from devstack.stack.validation import Fault, Loc

NEEDS_COMMAND = (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT, ServiceType.COMMAND)


@dataclass(frozen=True, slots=True)
class Declared:
    """What is looked at.

    Attributes:
        tables: the checked tables; what was wrong in shape has been taken out.
        names: every service the file names, also those with mistakes, so that one mistake is not told twice.
        groups: the same for `[shared]`.
        procfile: its entries; None when the file names none or it cannot be read.
    """

    tables: Mapping[str, Any]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    procfile: Procfile | None = None

    @property
    def services(self) -> Mapping[str, Any]:
        """The checked service tables."""
        found: Mapping[str, Any] = self.tables["services"]
        return found


def check(declared: Declared) -> list[Fault]:
    """Every mistake, in the order of the file's sections."""
    faults: list[Fault] = []
    for name, table in declared.services.items():
        faults += _service(declared, name, table)
    faults += _cycle(declared)
    for section in (_shared, _links, _origins, _doctor, _own_options):
        faults += section(declared)
    return faults


def _service(declared: Declared, name: str, table: Mapping[str, Any]) -> Iterator[Fault]:
    at: Loc = ("services", name)
    yield from _dependencies(declared, at, table)
    yield from _ports(at, table)
    yield from _kind(at, table)
    yield from _member(declared, (*at, "url"), table.get("url"))
    yield from _command(declared, at, table)
    yield from _paths(at, table)
    yield from _env(at, table)
    if "ready" in table:
        yield from _ready((*at, "ready"), table)
    if "websocket" in table:
        yield from _websocket(declared, (*at, "websocket"), table["websocket"])


def _dependencies(declared: Declared, at: Loc, table: Mapping[str, Any]) -> Iterator[Fault]:
    needs = table.get("depends_on", [])
    for key, name in enumerate(needs) if isinstance(needs, list) else ((name, name) for name in needs):
        loc: Loc = (*at, "depends_on", key)
        if name == at[1]:
            yield Fault(loc, "a service cannot depend on itself")
        elif name not in declared.names:
            yield _unknown_service(declared, loc, name)
        elif isinstance(needs, dict) and needs[name] is Condition.COMPLETED:
            target = declared.services.get(name, {"oneshot": True})
            if not target.get("oneshot"):
                yield Fault(loc, f"`{name}` never completes: it lacks `oneshot = true`")


def _ports(at: Loc, table: Mapping[str, Any]) -> Iterator[Fault]:
    if "main" in table.get("ports", {}):
        yield Fault((*at, "ports", "main"), "the role `main` is the key `port` of the service")


def _kind(at: Loc, table: Mapping[str, Any]) -> Iterator[Fault]:
    """Keys that belong to one type only."""
    kind = table["type"]
    for key, owner in (("url", ServiceType.EXTERNAL), ("compose", ServiceType.COMPOSE)):
        if key in table and kind is not owner:
            yield Fault((*at, key), f'only a service of type "{owner}" has `{key}`')
    if kind is ServiceType.COMPOSE and "compose" not in table:
        yield Fault((*at, "compose"), 'is missing: write `compose = "docker-compose.yml:service"`')
    if kind is ServiceType.EXTERNAL:
        if "url" not in table and "port" not in table:
            yield Fault((*at, "url"), 'is missing: say where it is, `url = "…"` or `port = …`')
        if "url" in table and "port" in table:
            yield Fault((*at, "url"), "`url` and `port` both say where it is: keep one")
    if kind in (ServiceType.EXTERNAL, ServiceType.COMPOSE):
        for key in ("command", "setup", "oneshot", "restart"):
            if key in table:
                yield Fault((*at, key), f'a service of type "{kind}" is not started by devstack: no `{key}`')


def _command(declared: Declared, at: Loc, table: Mapping[str, Any]) -> Iterator[Fault]:
    if "command" in table or table["type"] not in NEEDS_COMMAND:
        return
    named = declared.tables.get("procfile")
    if named is None:
        yield Fault((*at, "command"), f'is missing: a service of type "{table["type"]}" needs one')
    elif declared.procfile is not None and at[1] not in declared.procfile.entries:
        suggestion = did_you_mean(str(at[1]), list(declared.procfile.entries))
        yield Fault((*at, "command"), f"is missing, and {named} has no entry `{at[1]}`", suggestion)


def _paths(at: Loc, table: Mapping[str, Any]) -> Iterator[Fault]:
    places: list[tuple[Loc, str]] = [((*at, "dir"), table.get("dir", "."))]
    places += [((*at, "source", i), path) for i, path in enumerate(table.get("source", ()))]
    for loc, path in places:
        if path.startswith(("/", "~")):
            yield Fault(loc, f'"{path}" must be relative to stack.toml')


def _env(at: Loc, table: Mapping[str, Any]) -> Iterator[Fault]:
    env = table.get("env", {})
    if "layers" in env:
        for key in ("loader", "files"):
            if key in env:
                yield Fault((*at, "env", key), f"`layers` replaces `{key}`: keep one")
    for name, text in env.get("set", {}).items():
        if "\0" in text:
            yield Fault((*at, "env", "set", name), "must not contain a NUL character")


def _ready(at: Loc, service: Mapping[str, Any]) -> Iterator[Fault]:
    table = service["ready"]
    probes = [key for key in (*FLAG_PROBES, *TEXT_PROBES) if key in table]
    if len(probes) != 1:
        given = " and ".join(f"`{key}`" for key in probes) or "none"
        yield Fault(at, f"needs exactly one of http, tcp, websocket, log, command; it has {given}")
        return
    probe = probes[0]
    if probe in FLAG_PROBES and table[probe] is False:
        yield Fault((*at, probe), "must be true, or leave it out")
    for key in ("status", "json"):
        if key in table and probe != "http":
            yield Fault((*at, key), f"only a `http` probe has `{key}`")
    has_address = "port" in service or "url" in service or service["type"] is ServiceType.COMPOSE
    if probe in ("http", "tcp", "websocket") and not has_address:
        yield Fault((*at, probe), "needs the service's `port`")


def _websocket(declared: Declared, at: Loc, table: Mapping[str, Any]) -> Iterator[Fault]:
    origin = table.get("origin")
    if origin is not None and "://" not in origin and origin != "null" and origin not in declared.names:
        yield Fault(
            (*at, "origin"),
            f'"{origin}" is neither a service nor an origin such as "http://localhost:3000"',
            did_you_mean(origin, declared.names),
        )
    expect = table.get("expect")
    if isinstance(expect, dict) and len(expect) != 1:
        yield Fault((*at, "expect"), 'is "open", { close = [...] } or { status = ... }')
    if "token" in table:
        yield from _token_secret(declared, (*at, "token", "secret"), table["token"]["secret"])


def _token_secret(declared: Declared, at: Loc, secret: str) -> Iterator[Fault]:
    if ":" in secret:
        try:
            yield from _member(declared, at, reference.reference(secret))
        except ValueError as error:
            yield Fault(at, str(error))
    elif secret not in declared.groups:
        yield Fault(
            at,
            f'"{secret}" is neither a [shared] group nor service:VARIABLE',
            did_you_mean(secret, declared.groups),
        )


_WITHOUT = "take out the dependency that can wait: who is called only later needs none"


def _cycle(declared: Declared) -> Iterator[Fault]:
    """One fault for each cycle; each is cut where it is reported so that the next one is found."""
    needs = {
        name: [need for need in table.get("depends_on", ()) if need != name and need in declared.services]
        for name, table in declared.services.items()
    }
    while (path := find_cycle(needs)) is not None:
        first, second = path[0], path[1]
        written = declared.services[first]["depends_on"]
        key = written.index(second) if isinstance(written, list) else second
        yield Fault(("services", first, "depends_on", key), f"a cycle: {' -> '.join(path)}", _WITHOUT)
        needs[first].remove(second)


def _shared(declared: Declared) -> Iterator[Fault]:
    for name, table in declared.tables.get("shared", {}).items():
        yield from _members(declared, ("shared", name, "members"), table["members"])
    for number, table in enumerate(declared.tables.get("distinct", ())):
        yield from _members(declared, ("distinct", number, "members"), table["members"])


def _members(declared: Declared, at: Loc, members: Iterable[object]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, member in enumerate(members):
        yield from _member(declared, (*at, number), member)
        text = str(getattr(member, "text", ""))
        if text in seen:
            yield Fault((*at, number), f'"{text}" is listed twice')
        seen.add(text)


def _member(declared: Declared, at: Loc, member: object) -> Iterator[Fault]:
    if isinstance(member, Reference | HostPortReference) and member.service not in declared.names:
        yield _unknown_service(declared, at, member.service)


def _links(declared: Declared) -> Iterator[Fault]:
    for number, table in enumerate(declared.tables.get("links", ())):
        at: Loc = ("links", number)
        yield from _member(declared, (*at, "from"), table["from"])
        to, role = table["to"]
        if to not in declared.names:
            yield _unknown_service(declared, (*at, "to"), to)
        elif role != "main" and to in declared.services:
            roles = list(declared.services[to].get("ports", {}))
            if role not in roles:
                yield Fault(
                    (*at, "to"), f"`{to}` has no port with the role `{role}`", did_you_mean(role, roles)
                )
        schemes = table.get("scheme")
        if isinstance(schemes, list) and "any" in schemes and len(schemes) > 1:
            yield Fault((*at, "scheme"), '"any" stands alone')


def _origins(declared: Declared) -> Iterator[Fault]:
    for number, table in enumerate(declared.tables.get("origins", ())):
        at: Loc = ("origins", number)
        yield from _member(declared, (*at, "from"), table["from"])
        for index, name in enumerate(table["allows"]):
            if name not in declared.names:
                yield _unknown_service(declared, (*at, "allows", index), name)


def _doctor(declared: Declared) -> Iterator[Fault]:
    doctor = declared.tables.get("doctor", {})
    for name in doctor.get("required", {}):
        if name not in declared.names:
            yield _unknown_service(declared, ("doctor", "required", name), name)
    for number, entry in enumerate(doctor.get("ignore", ())):
        if entry.get("service") not in (None, *declared.names):
            yield _unknown_service(declared, ("doctor", "ignore", number, "service"), entry["service"])


def _own_options(declared: Declared) -> Iterator[Fault]:
    for key, message, suggestion in settings.mistakes(declared.tables.get("devstack", {})):
        yield Fault(("devstack", key), message, suggestion)
    profiles = {name for table in declared.services.values() for name in table.get("profiles", ())}
    wanted = declared.tables.get("devstack", {}).get("profiles", ())
    for number, name in enumerate(wanted if isinstance(wanted, list) else ()):
        if name not in profiles:
            yield Fault(
                ("devstack", "profiles", number),
                f"no service has the profile `{name}`",
                did_you_mean(str(name), sorted(profiles)),
            )


def _unknown_service(declared: Declared, at: Loc, name: str) -> Fault:
    return Fault(at, f"no service is called `{name}`", did_you_mean(name, declared.names))
