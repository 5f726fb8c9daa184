"""What a run leaves behind for the next one: who it is, what it started.

    .devstack/state.json   run, boot, supervisor, services: pid, start mark, ports

A record counts only when boot and start mark agree, so a number that means another process today is never
touched. That a run lives is said by its lock (`run_lock`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from devstack.host import process_facts
from devstack.host.model import ProcessId
from devstack.host.private_folder import PrivateFolder
from devstack.host.tree import of_run, tag
from devstack.records import dataclass, field

STATE = "state.json"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """A leader that a run started."""

    id: ProcessId
    generation: int = 0
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run as its state file tells it.

    Attributes:
        declared: main ports of stack.toml, of services that use another one (`up --isolate`).
        is_over: it ended in order, and nothing of it lived any more.
    """

    run: str
    boot: str
    supervisor: ProcessId
    started: float = 0.0
    services: Mapping[str, ServiceRecord] = field(default_factory=lambda: MappingProxyType({}))
    declared: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    is_over: bool = False


def boot_id() -> str:
    """Names this boot of the machine; "" where the system does not say."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def own_id() -> ProcessId:
    """This process."""
    entry = process_facts.kin(os.getpid())
    return entry.id if entry is not None else ProcessId(pid=os.getpid(), started_at=0.0)


def save(folder: PrivateFolder, record: RunRecord) -> None:
    """Replace the state file in one step."""
    body = {
        "version": VERSION,
        "run": record.run,
        "boot": record.boot,
        "started": record.started,
        "supervisor": _of(record.supervisor),
        "services": {
            name: {**_of(one.id), "generation": one.generation, "ports": list(one.ports)}
            for name, one in record.services.items()
        },
        "declared": dict(record.declared),
        "over": record.is_over,
    }
    folder.write(STATE, json.dumps(body).encode())


def read(folder: PrivateFolder) -> RunRecord | None:
    """The last run's record; None when there is none or it cannot be understood."""
    try:
        body = json.loads(folder.read(STATE) or b"null")
        return RunRecord(
            run=str(body["run"]),
            boot=str(body["boot"]),
            started=float(body.get("started", 0.0)),
            supervisor=_id(body["supervisor"]),
            services={
                str(name): ServiceRecord(
                    id=_id(one), generation=int(one["generation"]), ports=tuple(map(int, one["ports"]))
                )
                for name, one in body["services"].items()
            },
            declared={str(name): int(port) for name, port in body.get("declared", {}).items()},
            is_over=bool(body.get("over", False)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def leftovers(record: RunRecord) -> dict[str, tuple[ProcessId, ...]]:
    """Living processes of a run that is over, by service ("" = unknown which): recorded, marked or tagged."""
    if record.is_over:
        return {}
    found: dict[str, list[ProcessId]] = {}
    if record.boot == boot_id():
        for name, one in record.services.items():
            if process_facts.is_alive(one.id):
                found.setdefault(name, []).append(one.id)
    known = {one for several in found.values() for one in several}
    for pid in of_run(record.run):
        entry = process_facts.kin(pid)
        if entry is not None and not entry.is_dead and entry.id not in known:
            service = (tag(pid, process_facts.SERVICE_TAG) or b"").decode(errors="replace")
            found.setdefault(service, []).append(entry.id)
    return {name: tuple(several) for name, several in found.items()}


def _of(process: ProcessId) -> dict[str, float]:
    return {"pid": process.pid, "started_at": process.started_at}


def _id(body: Mapping[str, float]) -> ProcessId:
    return ProcessId(pid=int(body["pid"]), started_at=float(body["started_at"]))
