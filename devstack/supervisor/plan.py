"""The declared stack as the fold needs it: one spec per service and one per setup step that has to run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress

from devstack.host.private_folder import PrivateFolder
from devstack.records import dataclass
from devstack.run.state import Condition, Kind, Need, RestartMode, Spec
from devstack.stack import defaults, graph
from devstack.stack.model import Restart, Service, ServiceType, Stack

SETUP_SUFFIX = ".setup"
SETUP_FILE = "setup.json"
SETUP_GRACE = 5.0


def specs(stack: Stack, names: Iterable[str], setups: Iterable[str] = ()) -> tuple[Spec, ...]:
    """Specs of `names` in start order; a service in `setups` waits for its setup step."""
    wanted = [name for layer in graph.order(stack, names) for name in layer]
    prepared = frozenset(setups)
    first: dict[object, str] = {}
    by = {name: first.setdefault(_work(stack, name), name) for name in wanted if name in prepared}
    steps = [_setup_spec(stack.services[name]) for name in first.values()]
    services = [_spec(stack, stack.services[name], frozenset(wanted), by.get(name)) for name in wanted]
    return (*steps, *services)


def _work(stack: Stack, name: str) -> object:
    """What the setup step of `name` does and where: packages of one workspace are installed once, not side by side."""
    service = stack.services[name]
    assert service.setup is not None
    folder = stack.root / service.dir
    made = tuple(os.path.normpath(folder / one) for one in service.setup.creates)
    return (service.setup.command, made, service.optional) if made else name


def _spec(stack: Stack, service: Service, wanted: frozenset[str], prepared_by: str | None) -> Spec:
    needs = [
        Need(service=one.service, condition=Condition(one.condition.value))
        for one in service.depends_on
        if one.service in wanted
    ]
    if prepared_by is not None:
        needs.insert(0, Need(service=prepared_by + SETUP_SUFFIX, condition=Condition.COMPLETED))
    gate = defaults.ready(service)
    return Spec(
        name=service.name,
        kind=Kind.EXTERNAL if service.type is ServiceType.EXTERNAL else Kind.PROCESS,
        needs=tuple(needs),
        gate=gate is not None,
        within=gate.within if gate is not None else 60.0,
        oneshot=service.oneshot,
        optional=service.optional,
        restart=_restart_mode(stack, service),
        restart_limit=service.restart.max,
        backoff_min=service.restart.backoff_min,
        backoff_max=service.restart.backoff_max,
        signal=service.stop.signal,
        grace=service.stop.grace,
        port=service.port,
    )


def _restart_mode(stack: Stack, service: Service) -> RestartMode:
    """What is run once is not repeated unless somebody says so."""
    is_declared = service.restart != Restart() or f"services.{service.name}.restart" in stack.spots
    if service.oneshot and not is_declared:
        return RestartMode.NEVER
    return RestartMode(service.restart.mode.value)


def _setup_spec(service: Service) -> Spec:
    assert service.setup is not None
    return Spec(
        name=service.name + SETUP_SUFFIX,
        kind=Kind.SETUP,
        oneshot=True,
        optional=service.optional,
        restart=RestartMode.NEVER,
        grace=SETUP_GRACE,
        target=service.name,
        command=service.setup.command,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSetup:
    """A setup step that has to run, and why."""

    service: str
    reason: str


class Setups:
    """Which setup steps are due: their inputs' content changed since they last succeeded, or a result is gone."""

    def __init__(self, stack: Stack, folder: PrivateFolder) -> None:
        self._stack = stack
        self._folder = folder

    def due(self, names: Iterable[str]) -> tuple[DueSetup, ...]:
        """Steps of these services that have to run."""
        known = self._known()
        found = []
        for name in names:
            service = self._stack.services[name]
            reason = self._reason(service, known.get(name)) if service.setup is not None else None
            if reason is not None:
                found.append(DueSetup(service=name, reason=reason))
        return tuple(found)

    def done(self, name: str) -> None:
        """Remember that the step of `name`, and with it of all that it prepares, succeeded with its inputs as now."""
        known = self._known()
        work = _work(self._stack, name)
        for other, service in self._stack.services.items():
            if service.setup is not None and _work(self._stack, other) == work:
                known[other] = self._mark(service)
        with suppress(OSError):  # a full disk: then the step runs once more the next time
            self._folder.write(SETUP_FILE, json.dumps(known).encode())

    def _reason(self, service: Service, before: str | None) -> str | None:
        assert service.setup is not None
        root = self._stack.root / service.dir
        gone = [name for name in service.setup.creates if not (root / name).exists()]
        if gone:
            return f"{gone[0]} is missing"
        if before is None and not service.setup.inputs and service.setup.creates:
            return None
        if before is None and service.setup.creates and service.setup.inputs:
            return self._by_age(service)
        if before is None:
            return "it never ran here"
        return None if before == self._mark(service) else "its inputs changed"

    def _by_age(self, service: Service) -> str | None:
        """Never run by us but its results exist: the person ran it; due only where an input is newer."""
        assert service.setup is not None
        root = self._stack.root / service.dir
        results = [(root / name).stat().st_mtime for name in service.setup.creates]
        inputs = [(root / name).stat().st_mtime for name in service.setup.inputs if (root / name).exists()]
        return "its inputs are newer than what it creates" if inputs and max(inputs) > max(results) else None

    def _mark(self, service: Service) -> str:
        """Hash over the command and the content of every input."""
        assert service.setup is not None
        root = self._stack.root / service.dir
        import hashlib

        mark = hashlib.sha256(service.setup.command.encode())
        for name in service.setup.inputs:
            path = root / name
            files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
            for file in files:
                mark.update(b"\0" + str(file.relative_to(root)).encode() + b"\0")
                mark.update(file.read_bytes() if file.is_file() else b"")
        return mark.hexdigest()

    def _known(self) -> dict[str, str]:
        try:
            found = json.loads(self._folder.read(SETUP_FILE) or b"{}")
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
