"""The stack.toml of what was found, with a comment where each part comes from."""

from __future__ import annotations

from typing import Any

import tomlkit
from tomlkit.items import AoT, Table

from devstack.stack.detect.model import Candidate, Detected, Evidence
from devstack.stack.model import ServiceType

_PYTHON = (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT)
_SERVERS = (ServiceType.PYTHON, ServiceType.NODE)
HEADER = "#:schema ./stack.schema.json"


def document(detected: Detected) -> str:
    """The text of the file."""
    doc = tomlkit.document()
    doc.add(tomlkit.comment("Written by `devstack init`; every key is explained by `devstack schema`."))
    doc.add("name", tomlkit.item(detected.name))
    if detected.procfile:
        doc.add("procfile", tomlkit.item(detected.procfile))
    services = tomlkit.table(is_super_table=True)
    for service in detected.services:
        services.add(service.name, _service(detected, service))
    doc.add("services", services)
    if detected.shared:
        groups = tomlkit.table(is_super_table=True)
        for group in detected.shared:
            table = _table(group.evidence)
            if group.secret:
                table.add("secret", True)
            table.add("members", list(group.members))
            groups.add(group.name, table)
        doc.add("shared", groups)
    _arrays(doc, detected)
    notes = "".join(f"# {_one_line(note)}\n" for note in detected.notes)
    notes = f"\n# What was decided or left out, and why:\n{notes}" if notes else ""
    return f"{HEADER}\n{tomlkit.dumps(doc)}{notes}"


def _service(detected: Detected, service: Candidate) -> Table:
    table = _table(service.evidence)
    table.add("type", str(service.kind))
    if service.kind is ServiceType.COMPOSE:
        return _add(table, {"compose": service.compose, "port": service.port, "hosts": service.aliases})
    folder = service.folder.relative_to(detected.root).as_posix()
    _add(
        table,
        {
            "dir": folder if folder != "." else None,
            "command": None if service.from_procfile and detected.procfile else service.command,
            "port": service.port,
            "port_env": service.port_env or None,
            "depends_on": service.needs,
            "source": _relative(service),
            "hosts": service.aliases,
            "profiles": list(service.profiles),
        },
    )
    _by_hand(table, service)
    if service.setup is not None:
        command, inputs, creates = service.setup
        table.add("setup", _inline({"command": command, "inputs": list(inputs), "creates": list(creates)}))
    if service.port is not None and service.health is not None:
        table.add("ready", _inline({"http": service.health}))
    if service.port is not None and service.is_socket and (service.socket_path or service.protocol != "ws"):
        table.add("websocket", _inline({"protocol": service.protocol, "path": service.socket_path}))
    env = _inline({"files": list(service.env_files or ()), "example": service.example})
    if env:
        table.add("env", env)
    return table


def _by_hand(table: Table, service: Candidate) -> None:
    """What a person has to do or to add, as comments: it is not guessed."""
    if service.migration is not None:
        table.add(tomlkit.comment(f"before the first start: `{service.migration}`, once its database is up"))
    if service.port is None and service.kind in _SERVERS and not service.is_worker:
        table.add(tomlkit.comment("port = …  # none was found; without one it is ready as soon as it runs"))
    if service.setup is None and service.kind in _PYTHON and not (service.command or "").startswith("."):
        table.add(tomlkit.comment('setup = { command = "…" }  # nothing says how its packages are installed'))


def _relative(service: Candidate) -> list[str]:
    source = service.source
    return [] if source is None else [source.relative_to(service.folder).as_posix()]


def _arrays(doc: tomlkit.TOMLDocument, detected: Detected) -> None:
    links = tomlkit.aot()
    for link in detected.links:
        entry = {"from": link.source, "to": link.to, "scheme": link.scheme, "path": link.path}
        _append(links, link.evidence, entry | ({} if link.wait else {"wait": False}))
    origins = tomlkit.aot()
    for one in detected.origins:
        _append(origins, one.evidence, {"from": one.source, "allows": list(one.allows)})
    for name, array in (("links", links), ("origins", origins)):
        if len(array):
            doc.add(name, array)


def _append(array: AoT, evidence: Evidence, values: dict[str, Any]) -> None:
    array.append(_add(_table((evidence,)), values))


def _table(evidence: tuple[Evidence, ...] | list[Evidence]) -> Table:
    table = tomlkit.table()
    for one in evidence:
        table.add(tomlkit.comment(_one_line(str(one))))
    return table


def _add(table: Table, values: dict[str, Any]) -> Table:
    """Add what is not empty; False and 0 are values."""
    for key, value in values.items():
        if value is not None and value != []:
            table.add(key, value)
    return table


def _inline(values: dict[str, Any]) -> Any:
    table = tomlkit.inline_table()
    for key, value in values.items():
        if value is not None and value != []:
            table.append(key, value)
    return table


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
