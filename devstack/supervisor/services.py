"""What the runner needs to know of each declared service, worked out anew at every start."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from devstack.env.child import child_environment
from devstack.env.files import Files
from devstack.env.model import Environment
from devstack.env.resolve import resolve
from devstack.host.base import Command, Ending, Host, SpawnError
from devstack.host.model import ProcessId
from devstack.records import dataclass
from devstack.stack import defaults, package
from devstack.stack.launch import Launch, launch
from devstack.stack.model import FRONTENDS, ProbeKind, Ready, Service, ServiceType, Stack
from devstack.stack.shell_words import outline
from devstack.supervisor.plan import SETUP_SUFFIX, Setups

if TYPE_CHECKING:
    from devstack.probes.base import Answer
    from devstack.run.diagnose import Subject
    from devstack.supervisor.gate import Target
    from devstack.supervisor.socket_gate import StackClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """What our own standard output can show; children are told the same."""

    is_terminal: bool
    wants_colour: bool


class DeclaredServices:
    """Answers for the services of one stack. Files are read anew for every start."""

    def __init__(
        self,
        stack: Stack,
        *,
        process: Mapping[str, str],
        host: Host,
        setups: Setups,
        display: Display,
        holder: Callable[[int], str],
        resolved: Callable[[str, Environment], None] = lambda service, environment: None,
        current: Callable[[], Stack] | None = None,
    ) -> None:
        """`process`: our own environment; `resolved` hears what each start was given.

        `current` gives the stack anew for each start, where its `set` values follow the env files.
        """
        self._stack = stack
        self._current = current
        self._process = process
        self._host = host
        self._setups = setups
        self._display = display
        self._holder = holder
        self._resolved = resolved
        self.adopt: Callable[[], None] = lambda: None

    def replace(self, stack: Stack, setups: Setups, current: Callable[[], Stack] | None) -> None:
        """Answer for another stack from now on."""
        self._stack, self._setups, self._current = stack, setups, current

    def command(self, service: str) -> Command:
        """How to start `service` (or a setup step) with the environment of this moment."""
        if self._current is not None:
            self._stack = self._current()
        if service.endswith(SETUP_SUFFIX):
            return self._setup_command(service.removesuffix(SETUP_SUFFIX))
        declared = self._stack.services[service]
        how = launch(self._stack, declared)
        if how is None or not how.argv:
            raise SpawnError(f"devstack does not start services of type {declared.type.value} yet")
        return Command(
            argv=how.argv,
            cwd=how.cwd,
            env=self._environment(declared, how),
            tag=service,
            tty=declared.tty,
        )

    def target(self, service: str, members: Callable[[], tuple[ProcessId, ...]]) -> Target:
        """What the gate of `service` watches."""
        from devstack.supervisor.gate import Target

        declared = self._stack.services[service]
        gate = defaults.ready(declared)
        assert gate is not None
        port, host, tls = declared.port, declared.host, declared.tls
        if declared.type is ServiceType.EXTERNAL:
            port, host, tls = self._external(declared)
        return Target(
            service=service,
            ready=gate,
            members=members,
            port=port,
            ports=frozenset(one.number for one in declared.all_ports),
            host=host,
            tls=tls,
            is_external=declared.type is ServiceType.EXTERNAL,
            moves=declared.type in FRONTENDS,
            warms=defaults.warms(declared),
            holder=self._holder,
            client=self._client(declared, gate),
            command=self._command_probe(declared, gate.target) if gate.kind is ProbeKind.COMMAND else None,
        )

    def _client(self, service: Service, gate: Ready) -> StackClient | None:
        """Who connects to the WebSocket: nobody where none is declared, or `probe = false`."""
        is_declared = service.websocket is not None and service.websocket.probe
        if not is_declared and gate.kind is not ProbeKind.WEBSOCKET:
            return None
        from devstack.supervisor.socket_gate import StackClient

        return StackClient(service.name, stack=lambda: self._stack, process=self._process)

    def explain(self, service: str, ending: Ending, tail: tuple[str, ...]) -> tuple[str, bool]:
        """The cause of an exit that nobody asked for, and whether another start is hopeless."""
        if ending.code == 0:
            return "", False
        from devstack.run.diagnose import diagnose

        found = diagnose(tail, code=ending.code, signal=ending.signal, of=self._subject(service))
        if found is None:
            return "", False
        if found.port is not None:
            who = self._holder(found.port)
            return (f"{found.cause}, held by {who}" if who else found.cause), False
        return found.cause, found.hopeless

    def _subject(self, name: str) -> Subject:
        from devstack.run.diagnose import Subject

        service = self._stack.services.get(name.removesuffix(SETUP_SUFFIX))
        if service is None:
            return Subject()
        folder = self._stack.root / service.dir
        manager = package.manager(folder, self._stack.root) if package.read(folder) is not None else None
        return Subject(service=service.name, port=service.port, manager=manager)

    def finished(self, service: str, ok: bool) -> None:
        """Remember a setup step that succeeded."""
        if ok:
            self._setups.done(service.removesuffix(SETUP_SUFFIX))

    def _environment(self, service: Service, how: Launch | None) -> dict[str, str]:
        files = Files(self._stack.root)
        environment = resolve(self._stack, process=self._process, files=files, services=[service.name])
        self._resolved(service.name, environment[service.name])
        made = child_environment(
            self._stack, service, environment[service.name], process=self._process, launch=how
        )
        made.setdefault("PYTHONUNBUFFERED", "1")
        if self._display.wants_colour:
            made.setdefault("FORCE_COLOR", "1")
            made.setdefault("CLICOLOR_FORCE", "1")
        return made

    def _setup_command(self, name: str) -> Command:
        service = self._stack.services[name]
        assert service.setup is not None
        return Command(
            argv=("/bin/sh", "-c", service.setup.command),
            cwd=self._stack.root / service.dir,
            env=self._environment(service, launch(self._stack, service)),
            tag=name + SETUP_SUFFIX,
        )

    def _command_probe(self, service: Service, text: str) -> Callable[[], Awaitable[Answer]]:
        from devstack.probes import command

        env = self._environment(service, launch(self._stack, service))
        wanted = Command(
            argv=("/bin/sh", "-c", text),
            cwd=self._stack.root / service.dir,
            env=env,
            tag=service.name + ".probe",
        )
        return lambda: command.probe(self._host, wanted, shown=outline(text))

    def _external(self, service: Service) -> tuple[int | None, str | None, bool]:
        """Port, host and TLS of what is not ours to start, from its URL."""
        from urllib.parse import urlsplit

        from devstack.env.resolve import lookup
        from devstack.stack.model import LiteralValue

        if service.url is None:
            return service.port, service.host, service.tls
        if isinstance(service.url, LiteralValue):
            text: str | None = service.url.value
        else:
            owner = service.url.service
            found = resolve(
                self._stack, process=self._process, files=Files(self._stack.root), services=[owner]
            )
            value = lookup(service.url, found[owner]).value
            text = value.text if value is not None else None
        try:
            parts = urlsplit(text or "")
            port, host = parts.port, parts.hostname
        except ValueError:
            return service.port, service.host, service.tls
        is_secure = parts.scheme in ("https", "wss", "rediss")
        usual = {"redis": 6379, "rediss": 6379, "postgres": 5432, "postgresql": 5432, "mongodb": 27017}
        fallback = usual.get(parts.scheme, 443 if is_secure else 80)
        return port or service.port or fallback, host or service.host, is_secure


def stamp() -> str:
    """A name for a run: sortable by time, unguessable enough not to collide."""
    return f"{int(time.time()):x}{os.urandom(5).hex()}"[:16]
