"""What detection finds, each fact with the place that shows it."""

from __future__ import annotations

from pathlib import Path

from devstack.records import dataclass, field
from devstack.stack.model import FRONTENDS, ServiceType


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where something was seen: POSIX path relative to the repository, 1-based line, what it says."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.what} ({self.path}:{self.line})"


@dataclass(slots=True, kw_only=True)
class Read:
    """A variable that source code reads.

    Attributes:
        names: the chain it tries, best first.
        fallback: the literal used when nothing is set, or None. May be secret: never shown.
        is_source: False where only an env file has it: a framework or a package may read it by itself.
    """

    names: tuple[str, ...]
    evidence: Evidence
    empty_falls_through: tuple[bool, ...] = ()
    fallback: str | None = None
    is_source: bool = True


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A service that may be written; filled step by step.

    Attributes:
        folder: absolute.
        has_pages: it serves pages although its type is not one of those that do.
        is_socket: it serves WebSockets.
        is_worker: it takes its work from a queue, and shares its source with the server that puts it there.
        socket_path: where, when the source says so.
        health: path of its health endpoint, or None.
        may_use_tls: something in its folder speaks of certificates.
        defined: variables of its env files and examples → value (never shown).
        aliases: further host names.
        source: folder or file that is its own, where several services share `folder`.
        default_port: the port of its `command` that nothing in the repository asks for.
        port_variable: the variable that its source takes another port from; no env file sets it.
        port_env: the one of stack.toml.
        profiles: it is started only with one of these.
        proxied: local addresses that its pages' server passes requests on to.
        migration: the command that makes its database's tables.
        project: the folder with the files that say what a Python program needs, where that is another one.
    """

    name: str
    kind: ServiceType
    folder: Path
    command: str | None = None
    port: int | None = None
    has_pages: bool = False
    is_socket: bool = False
    is_worker: bool = False
    protocol: str = "ws"
    socket_path: str | None = None
    health: str | None = None
    may_use_tls: bool = False
    setup: tuple[str, tuple[str, ...], tuple[str, ...]] | None = None
    compose: str | None = None
    image: str = ""
    example: str | None = None
    env_files: tuple[str, ...] | None = None
    reads: list[Read] = field(default_factory=list)
    defined: dict[str, str] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    from_procfile: bool = False
    source: Path | None = None
    default_port: int | None = None
    port_variable: str = ""
    port_env: str = ""
    profiles: tuple[str, ...] = ()
    migration: str | None = None
    project: Path | None = None
    proxied: list[tuple[str, Evidence]] = field(default_factory=list)

    @property
    def is_frontend(self) -> bool:
        """Whether it serves pages."""
        return self.kind in FRONTENDS or self.has_pages


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShared:
    """Variables that must hold one value."""

    name: str
    members: tuple[str, ...]
    secret: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLink:
    """A variable that must reach a service; `wait` False where waiting would close a cycle."""

    source: str
    to: str
    scheme: str | None
    path: str | None
    wait: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOrigins:
    """A variable that must allow frontends."""

    source: str
    allows: tuple[str, ...]
    evidence: Evidence


@dataclass(slots=True, kw_only=True)
class Detected:
    """Everything that was found in `root`.

    Attributes:
        contested: ports that several services claimed: an address with one of them names nobody.
        projects: folders of independent projects (examples, templates), which make no stack together.
    """

    root: Path
    name: str
    services: list[Candidate]
    procfile: str | None = None
    shared: list[FoundShared] = field(default_factory=list)
    links: list[FoundLink] = field(default_factory=list)
    origins: list[FoundOrigins] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    contested: set[int] = field(default_factory=set)
    projects: list[Path] = field(default_factory=list)
