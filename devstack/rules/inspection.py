"""Everything a rule may look at; each fact is found when first asked for, and at most once per run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from devstack.errors import Problem
from devstack.lines import split
from devstack.records import dataclass, field
from devstack.rules.base import Location, Skip
from devstack.rules.machine import Host, RealHost

if TYPE_CHECKING:
    from devstack.contract.live import LiveFacts
    from devstack.contract.members import Facts
    from devstack.env.files import Files
    from devstack.env.model import Environment, Origin
    from devstack.env.secrets import Fingerprinter
    from devstack.env.source.model import SourceIndex
    from devstack.env.source.scan import SourceScanner
    from devstack.host.ports import PortStatus
    from devstack.rules.envfiles import EnvFile
    from devstack.rules.variables import Table
    from devstack.stack.launch import Launch
    from devstack.stack.model import Service, Spot, Stack


T = TypeVar("T")


@dataclass(kw_only=True, repr=False)
class Inspection:
    """One look at a repository.

    Attributes:
        root: the stack's folder, absolute.
        stack: None when stack.toml cannot be read at all; otherwise what is valid in it.
        problems: what is wrong with stack.toml.
        process_env: the environment devstack was started with; what services inherit.
        live: answers of running services with `--live`, else None.
    """

    root: Path
    stack: Stack | None
    files: Files
    problems: tuple[Problem, ...] = ()
    process_env: Mapping[str, str] = field(default_factory=dict)
    host: Host = field(default_factory=RealHost)
    live: LiveFacts | None = None
    _folders: dict[str, Path] = field(default_factory=dict)
    _env_files: dict[str, EnvFile | None] = field(default_factory=dict)
    _real: dict[str, str] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)
    _known: dict[object, object] = field(default_factory=dict)

    @property
    def services(self) -> tuple[Service, ...]:
        """The declared services; empty without a usable stack."""
        return () if self.stack is None else tuple(self.stack.services.values())

    def need_stack(self) -> Stack:
        """The stack, or Skip: for rules that say nothing about a repository without one."""
        if self.stack is None:
            raise Skip("stack.toml cannot be read")
        return self.stack

    def need_live(self) -> LiveFacts:
        """Answers of running services; Skip without `--live`."""
        if self.live is None:
            raise Skip("only with --live")
        return self.live

    @cached_property
    def environments(self) -> Mapping[str, Environment]:
        """What each service's program will see."""
        if self.stack is None:
            return {}
        from devstack.env.resolve import resolve

        return resolve(
            self.stack,
            process=self.process_env,
            files=self.files,
            sources=self.sources,
            launches=lambda service: self.once(_launched, service.name),
        )

    def environment(self, service: str) -> Environment | None:
        """What the program of `service` will see."""
        return self.environments.get(service)

    @cached_property
    def variables(self) -> Table:
        """The variables of all services, to be searched at once."""
        from devstack.rules.variables import Table

        return Table(self.environments, self.env_file)

    def declared(self, service: str) -> frozenset[str]:
        """Names of variables of `service` that stack.toml speaks of."""
        return self._declared.get(service, frozenset())

    @cached_property
    def _declared(self) -> Mapping[str, frozenset[str]]:
        from devstack.contract.needs import declared_names

        return {} if self.stack is None else declared_names(self.stack)

    def folder(self, service: Service) -> Path:
        """Where the service runs, absolute."""
        if service.name not in self._folders:
            from devstack.stack.launch import folder_of

            self._folders[service.name] = folder_of(self.need_stack(), service)
        return self._folders[service.name]

    @cached_property
    def fingerprinter(self) -> Fingerprinter:
        """One key per run: equal values get equal fingerprints inside one report only."""
        from devstack.env.secrets import Fingerprinter

        return Fingerprinter(None)

    @cached_property
    def _scanner(self) -> SourceScanner:
        from devstack.env.source import scan

        return scan.SourceScanner(self.root, self.files)

    def sources(self, service: str) -> SourceIndex:
        """Reads of environment variables in the sources of `service`."""
        return self._scanner.index(self.need_stack(), service)

    def read_names(self, service: str) -> frozenset[str]:
        """Names that the sources of `service` read, those included that are tried after another one."""
        return self.once(_read_names, service)

    @cached_property
    def contract(self) -> Facts:
        """What the contract is judged by: effective values of members and links."""
        from devstack.contract.members import Facts

        return Facts(
            stack=self.need_stack(),
            environments=self.environments,
            sources=self.sources,
            files=self.files,
        )

    def launch(self, service: str) -> Launch | None:
        """How the process of `service` is started; None when it is not ours or cannot be known."""
        return self.once(_launched, service)

    def once(self, work_out: Callable[..., T], *about: str) -> T:
        """What `work_out(self, *about)` gives, worked out once: what several rules, or many services, share."""
        key = (work_out, about)
        if key not in self._known:
            self._known[key] = work_out(self, *about)
        found: T = self._known[key]  # type: ignore[assignment]
        return found

    # --- places -------------------------------------------------------------------------------------------

    def shown(self, path: Path | str) -> str:
        """`path` as reports show it: POSIX, relative to the root (`../` where it leaves it)."""
        key = str(path)
        if key not in self._shown:
            self._shown[key] = Path(os.path.relpath(key, self.root)).as_posix()
        return self._shown[key]

    def at(
        self,
        path: Path | str,
        line: int | None = None,
        *,
        variable: str | None = None,
        note: str | None = None,
    ) -> Location:
        """A location; `path` absolute or relative to the root."""
        return Location(path=self.shown(self._whole(path)), line=line, variable=variable, note=note)

    def at_origin(self, origin: Origin, variable: str | None = None, *, note: str | None = None) -> Location:
        """The place of a definition; the process environment and `set` have no file of their own."""
        if origin.path is None:
            return Location(path=f"({origin.layer.value} environment)", variable=variable, note=note)
        return self.at(origin.path, origin.line, variable=variable, note=note)

    def at_key(self, key: str, *, variable: str | None = None, note: str | None = None) -> Location:
        """The place of a dotted key of stack.toml, `services.web.port`."""
        return self.at_spot(self.need_stack().spot(key), variable=variable, note=note)

    def at_port(self, service: str, role: str = "main", *, note: str | None = None) -> Location:
        """The place where stack.toml declares a port."""
        key = "port" if role == "main" else f"ports.{role}"
        return self.at_key(f"services.{service}.{key}", note=note)

    def at_spot(self, spot: Spot, *, variable: str | None = None, note: str | None = None) -> Location:
        """A place in a declaring file, whose path is relative to the root or to the current folder."""
        path = spot.path if self.files.is_file(self._whole(spot.path)) else Path(spot.path).absolute()
        return self.at(path, spot.line, variable=variable, note=note)

    def _whole(self, path: Path | str) -> str:
        return os.path.join(self.root, path)  # noqa: PTH118 - asked for each of thousands of services

    # --- files --------------------------------------------------------------------------------------------

    def read_text(self, path: Path | str) -> str | None:
        """The text of a file, undecodable bytes replaced; None when it does not exist or cannot be read."""
        try:
            content = self.files.read(path)
        except OSError:
            return None
        return None if content is None else content.decode("utf-8", errors="replace")

    def line(self, path: str, number: int) -> str:
        """One line (1-based) of a source, `path` relative to the root; empty where there is none."""
        known = self.once(_lines, path)
        return known[number - 1] if 0 < number <= len(known) else ""

    def read_quietly(self, path: Path, largest: int = 1_000_000) -> bytes | None:
        """The bytes of a file that is looked at once and not kept; None when too large or unreadable."""
        held = self.files.held(path)
        if held is not None:
            return held if len(held) <= largest else None
        try:
            return path.read_bytes() if path.stat().st_size <= largest and path.is_file() else None
        except OSError:
            return None

    def env_file(self, path: Path) -> EnvFile | None:
        """The lines of an env file; None when it cannot be read."""
        key = str(path)
        if key not in self._env_files:
            from devstack.rules.envfiles import read

            self._env_files[key] = read(self.files, path)
        return self._env_files[key]

    @cached_property
    def env_paths(self) -> tuple[Path, ...]:
        """Every env file of the services and of the root, each real file once, examples included."""
        from devstack.rules.envfiles import discover

        return discover(self)

    def readers(self, path: Path) -> tuple[str, ...]:
        """Services whose program reads `path` (through symlinks too), in the order of the stack."""
        return self._readers.get(self.real(path), ())

    def real(self, path: Path | str) -> str:
        """`path` with links followed; what lies in one folder is asked of the system once."""
        key = str(path)
        found = self._real.get(key)
        if found is None:
            folder, name = os.path.split(key)
            if name in ("", ".", "..") or os.path.islink(key):  # noqa: PTH114 - as below
                found = os.path.realpath(key)
            else:
                found = os.path.join(self.real(folder), name)  # noqa: PTH118 - asked for thousands of files
            self._real[key] = found
        return found

    @cached_property
    def _readers(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for name, environment in self.environments.items():
            for layer in environment.layers:
                found.setdefault(self.real(layer.path), {})[name] = None
        return {path: tuple(names) for path, names in found.items()}

    # --- this machine -------------------------------------------------------------------------------------

    @cached_property
    def tracked_env_files(self) -> frozenset[str] | None:
        """Tracked files with `env` in their name, POSIX relative to the root; None outside a repository."""
        return self.host.tracked(self.root, ("**/*env*", "*env*"))

    @cached_property
    def ports_of_run(self) -> Mapping[str, tuple[int, ...]]:
        """The services that a living run of this stack has up, with the ports they were told to use."""
        return self.host.ports_of_run(self.root)

    @cached_property
    def port_status(self) -> Mapping[int, PortStatus]:
        """State of every declared port."""
        numbers = [port.number for service in self.services for port in service.all_ports]
        return {entry.port: entry for entry in self.host.ports(numbers, self.root)}

    def version(self, program: Path) -> tuple[int, ...] | None:
        """What `program --version` answers; asked once."""
        return self.once(_version, str(program))

    def which(self, program: str, folder: Path) -> Path | None:
        """The file that starting `program` in `folder` would run."""
        is_beside = "/" in program or os.name == "nt"  # otherwise the folder is not looked at
        return self.once(_which, program, str(folder) if is_beside else "")


def _which(inspection: Inspection, program: str, folder: str) -> Path | None:
    return inspection.host.which(program, inspection.process_env.get("PATH"), Path(folder))


def _version(inspection: Inspection, program: str) -> tuple[int, ...] | None:
    return inspection.host.version(Path(program), inspection.process_env)


def _lines(inspection: Inspection, path: str) -> list[str]:
    return split(inspection.read_text(inspection.root / path) or "")


def _read_names(inspection: Inspection, service: str) -> frozenset[str]:
    reads = inspection.sources(service).reads
    return frozenset(name for read in reads for name in (read.name, *read.otherwise) if name)


def _launched(inspection: Inspection, service: str) -> Launch | None:
    from devstack.stack.launch import launch

    stack = inspection.need_stack()
    return launch(stack, stack.services[service])
