"""What stack.toml declares, as frozen values. Built and checked by `stack.load`; nothing below re-checks.

Durations are floats in seconds. Paths are POSIX strings relative to `Stack.root` unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from devstack.records import dataclass, field

UrlPart = Literal["user", "password", "host", "port", "path"]


class ServiceType(StrEnum):
    """What kind of program a service is; decides its defaults."""

    NEXT = "next"
    VITE = "vite"
    NODE = "node"
    PYTHON = "python"
    LIVEKIT_AGENT = "livekit-agent"
    COMMAND = "command"
    EXTERNAL = "external"
    COMPOSE = "compose"


FRONTENDS = frozenset({ServiceType.NEXT, ServiceType.VITE})
"""Types whose program serves pages: what they make public reaches browsers."""


class Condition(StrEnum):
    """What a dependent waits for."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"


class RestartMode(StrEnum):
    """When a service that exited is started again."""

    NEVER = "never"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


class OnChange(StrEnum):
    """What a changed env value means for a running service."""

    RESTART = "restart"
    AUTO = "auto"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place in a declaring file: path as shown to people, 1-based line, dotted key."""

    path: str
    line: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port of a service; the main one has the role `main`."""

    role: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """`service` must have reached `condition` before the dependent starts."""

    service: str
    condition: Condition = Condition.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Restart policy: `max` in a row without reaching ready; backoff doubles between the two."""

    mode: RestartMode = RestartMode.ON_FAILURE
    max: int = 5
    backoff_min: float = 0.5
    backoff_max: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """How a service is stopped: the signal's name without SIG, then `grace` seconds, then KILL."""

    signal: str = "TERM"
    grace: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Prepares a service; run when the content of `inputs` changed or one of `creates` is missing."""

    command: str
    inputs: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`service:A|B?C#part`: the code reads A; `|` falls through on unset or empty, `?` only on unset.

    Attributes:
        names: the variables in the order in which the code tries them; at least one.
        empty_falls_through: one flag per operator (`len(names) - 1`): True for `|`, False for `?`.
        part: which part of a URL value is meant, or None for the whole value.
        text: as written.
    """

    service: str
    names: tuple[str, ...]
    empty_falls_through: tuple[bool, ...] = ()
    part: UrlPart | None = None
    text: str = ""

    @property
    def name(self) -> str:
        """The first name: the one people should set."""
        return self.names[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPortReference:
    """`service:HOST+PORT`: two variables that together address an endpoint."""

    service: str
    host_name: str
    port_name: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKey:
    """`file:livekit.yaml#keys.devkey`: a value inside a YAML, JSON or TOML file."""

    path: str
    key: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralValue:
    """`=value`: a literal member or address."""

    value: str
    text: str = ""


Member = Reference | FileKey | LiteralValue


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvLayer:
    """One explicitly declared layer: a loader (with optional pin) and the files it reads."""

    loader: str
    files: tuple[str, ...] = ()
    override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvSpec:
    """How a service gets its environment.

    Attributes:
        loader: kind with optional pin (`next@16`, `vite@8+node@22`); None = by type and what is installed.
        mode: None = the loader's default for development.
        files: relative to the service's folder; None = the loader's own list.
        inject: None = by type.
        assignments: the `set` table; wins over every file.
        example: the file a new developer copies, or None to look for the usual names.
        on_change: None = by type.
    """

    loader: str | None = None
    mode: str | None = None
    files: tuple[str, ...] | None = None
    inject: bool | None = None
    assignments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    example: str | None = None
    layers: tuple[EnvLayer, ...] = ()
    on_change: OnChange | None = None


class ProbeKind(StrEnum):
    """What a readiness probe looks at."""

    HTTP = "http"
    TCP = "tcp"
    LOG = "log"
    COMMAND = "command"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A declared readiness gate: one probe and its budget.

    Attributes:
        target: HTTP path, log regular expression or command text; "" for tcp and websocket.
        status: HTTP statuses that pass; None = 200–399.
        json: what the JSON answer must contain.
        within: seconds.
    """

    kind: ProbeKind
    target: str = ""
    status: tuple[int, ...] | None = None
    json: Mapping[str, object] | None = None
    within: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSpec:
    """How probes carry a token: `place` is `in` of the file, `secret` a `[shared]` group or reference."""

    place: Literal["query", "header", "subprotocol", "cookie", "message"] = "query"
    name: str = "token"
    secret: str | Reference = ""
    algorithm: str = "HS256"
    ttl: float = 60.0
    claims: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """Outcome of a right connection: open, one of some close codes, or an HTTP status."""

    kind: Literal["open", "close", "status"] = "open"
    codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketSpec:
    """How clients connect to a service's WebSocket."""

    protocol: Literal["ws", "socket.io", "graphql-ws", "hocuspocus", "livekit"] = "ws"
    path: str = "/"
    origin: str | None = None
    expect: Expect = field(default_factory=Expect)
    probe: bool = True
    subprotocols: tuple[str, ...] = ()
    rejects_bad_token: bool = False
    token: TokenSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeTarget:
    """`docker-compose.yml:db`."""

    path: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One declared service; None means "the type's default" where the field's type allows it."""

    name: str
    type: ServiceType
    dir: str = "."
    command: str | None = None
    port: int | None = None
    host: str | None = None
    port_env: str | None = None
    ports: tuple[Port, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    restart: Restart = field(default_factory=Restart)
    stop: Stop = field(default_factory=Stop)
    setup: Setup | None = None
    oneshot: bool = False
    optional: bool = False
    profiles: tuple[str, ...] = ()
    tls: bool = False
    tty: bool = False
    hosts: tuple[str, ...] = ()
    source: tuple[str, ...] | None = None
    env: EnvSpec = field(default_factory=EnvSpec)
    ready: Ready | None = None
    websocket: WebSocketSpec | None = None
    compose: ComposeTarget | None = None
    url: Reference | LiteralValue | None = None

    @property
    def all_ports(self) -> tuple[Port, ...]:
        """The main port first, then the further ones."""
        main = () if self.port is None else (Port(role="main", number=self.port),)
        return main + self.ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One value with several readers."""

    name: str
    members: tuple[Member, ...]
    secret: bool = False
    min_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """Values that must differ."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A variable that must reach a service.

    Attributes:
        role: port role of the target (`main` by default).
        schemes: None = default by the target; ("any",) for databases and brokers.
    """

    source: Reference | HostPortReference
    to: str
    role: str = "main"
    schemes: tuple[str, ...] | None = None
    path: str | None = None
    base: bool = False
    wait: bool = True
    used_by: Literal["browser", "service"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """A variable that must allow frontends' origins (CORS)."""

    source: Reference
    allows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """A suppression in `[doctor] ignore`; the reason is required."""

    rule: str
    path: str | None = None
    variable: str | None = None
    service: str | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorSpec:
    """`[doctor]`: per service, alternatives of which one must be set and not empty; and suppressions."""

    required: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=lambda: MappingProxyType({}))
    ignore: tuple[Ignore, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Everything stack.toml declares.

    Attributes:
        path: stack.toml itself, absolute.
        root: its folder, absolute.
        spots: dotted key (`services.web.port`, `links.0.from`) to where it stands, for findings.
        settings: the raw `[devstack]` table, read by `devstack.settings`.
    """

    name: str
    path: Path
    root: Path
    services: Mapping[str, Service]
    shared: Mapping[str, Shared] = field(default_factory=lambda: MappingProxyType({}))
    distinct: tuple[Distinct, ...] = ()
    links: tuple[Link, ...] = ()
    origins: tuple[Origins, ...] = ()
    doctor: DoctorSpec = field(default_factory=DoctorSpec)
    procfile: str | None = None
    spots: Mapping[str, Spot] = field(default_factory=lambda: MappingProxyType({}))
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def spot(self, key: str) -> Spot:
        """Where `key` stands; falls back to the nearest enclosing table, at last to line 1."""
        place = key
        while place:
            if (found := self.spots.get(place)) is not None:
                return found
            place = place.rpartition(".")[0]
        return Spot(path=self.path.name, line=1, key=key)
