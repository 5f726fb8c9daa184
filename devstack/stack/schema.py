"""The tables of stack.toml: every key, its shape and its description, in one place.

`stack.validation` turns these into a validator, `stack.jsonschema` into JSON Schema for editors, and
`stack.build` into the frozen values of `stack.model`. Annotations are evaluated here, so this module has no
`from __future__ import annotations`.
"""

import re
from typing import Any, Literal

from devstack import durations
from devstack.stack import reference
from devstack.stack.annotations import Annotated, AtLeast, Between, Grammar, Required, TypedDict
from devstack.stack.loaders import LOADER_KINDS, check_loader
from devstack.stack.model import (
    ComposeTarget,
    Condition,
    HostPortReference,
    LiteralValue,
    Member,
    OnChange,
    Reference,
    RestartMode,
    ServiceType,
)

SIGNALS = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL")
_HTTP_STATUS = Between(100, 599)


def _name(text: str) -> str:
    if text == "file":
        raise ValueError('"file" is reserved: `file:path#key` means a value in a file')
    if not re.fullmatch(reference.SERVICE_NAME, text):
        raise ValueError(
            f'"{text}" is not a name: lower-case letters, digits, "-" and "_", a letter first, at most 40'
        )
    return text


def _variable(text: str) -> str:
    if not re.fullmatch(reference.VARIABLE_NAME, text):
        raise ValueError(f'"{text}" is not a variable name')
    return text


def _variable_or_nothing(text: str) -> str:
    return text and _variable(text)


def _alternatives(text: str) -> tuple[str, ...]:
    return tuple(_variable(name) for name in text.split("|"))


def _url_path(text: str) -> str:
    if not text.startswith("/") or re.search(r"\s", text):
        raise ValueError(f'"{text}" is not a URL path: it starts with "/" and has no spaces')
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if not text:
        raise ValueError("an empty pattern matches every line")
    return text


def _signal(text: str) -> str:
    name = text.upper().removeprefix("SIG")
    if name not in SIGNALS:
        raise ValueError(f'"{text}" is not a signal to stop with: one of {", ".join(SIGNALS)}')
    return name


def _backoff(text: str) -> tuple[float, float]:
    least, dots, most = text.partition("..")
    first = durations.parse(least)
    last = durations.parse(most) if dots else first
    if last < first:
        raise ValueError(f'"{text}": the longest pause is shorter than the first')
    return first, last


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _hostname(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:]+\]?", text):
        raise ValueError(f'"{text}" is not a host name or address')
    return text.strip("[]")


NAME_PATTERN = f"^{reference.SERVICE_NAME}$"
_REFERENCE_PATTERN = r"^[a-z][a-z0-9_-]{0,39}:[A-Za-z_]"

Name = Annotated[str, Grammar(_name, NAME_PATTERN)]
Text = Annotated[str, Grammar(_not_blank)]
Variable = Annotated[str, Grammar(_variable, f"^{reference.VARIABLE_NAME}$")]
Duration = Annotated[float, Grammar(durations.parse, durations.PATTERN)]
PortNumber = Annotated[int, Between(1, 65535)]
UrlPath = Annotated[str, Grammar(_url_path, r"^/\S*$")]
Loader = Annotated[str, Grammar(check_loader, f"^({'|'.join(LOADER_KINDS)})(@.+)?$")]
AnyReference = Annotated[Reference, Grammar(reference.reference, _REFERENCE_PATTERN)]
AnyMember = Annotated[Member, Grammar(reference.member, f"{_REFERENCE_PATTERN}|^file:.+#.|^=")]
Hostname = Annotated[str, Grammar(_hostname)]
Status = Annotated[int, _HTTP_STATUS]
CloseCode = Annotated[int, Between(1000, 4999)]


class RestartTable(TypedDict, total=False):
    """`restart` as a table."""

    policy: Annotated[RestartMode, "When a service that exited is started again."]
    max: Annotated[int, Between(0, 1000), "Restarts in a row without reaching ready before giving up."]
    backoff: Annotated[
        tuple[float, float], Grammar(_backoff), 'Pause before a restart, growing: "500ms..30s".'
    ]


class StopTable(TypedDict, total=False):
    """`stop`."""

    signal: Annotated[str, Grammar(_signal), "Signal that asks the service to end: TERM, INT, HUP, QUIT …"]
    grace: Annotated[Duration, 'How long to wait before KILL: "5s".']


class SetupTable(TypedDict, total=False):
    """`setup`."""

    command: Required[Annotated[Text, "Prepares the service, such as `npm ci`."]]
    inputs: Annotated[list[Text], "Files whose content decides whether it runs again."]
    creates: Annotated[list[Text], "What it makes; when one of these is missing it runs again."]


class LayerTable(TypedDict, total=False):
    """One of `env.layers`."""

    loader: Required[Annotated[Loader, "Whose rules read this layer."]]
    files: Annotated[list[Text], "Files of this layer, in order."]
    override: Annotated[bool, "Values of this layer win over earlier ones."]


class EnvTable(TypedDict, total=False):
    """`env`."""

    loader: Annotated[
        Loader, "Whose rules read the env files: next, vite, dotenv … with an optional pin, `next@16`."
    ]
    mode: Annotated[Text, "Mode that selects files such as `.env.development`."]
    files: Annotated[list[Text], "Files relative to the service's folder, instead of the loader's own list."]
    inject: Annotated[bool, "devstack puts the files' values into the process's environment itself."]
    set: Annotated[dict[Variable, str], "Put into the process's environment; wins over every file."]
    example: Annotated[Text, "The file a new developer copies, such as `.env.example`."]
    layers: Annotated[list[LayerTable], "Several layers, read in this order."]
    on_change: Annotated[OnChange, "What a changed value means for the running service."]


class ReadyTable(TypedDict, total=False):
    """`ready`."""

    http: Annotated[UrlPath, "Ready when this path answers."]
    tcp: Annotated[bool, "Ready when our own process listens on the port."]
    websocket: Annotated[bool, "Ready when a WebSocket opens as `websocket` says."]
    log: Annotated[str, Grammar(_regex), "Ready when a line of its output matches this pattern."]
    command: Annotated[Text, "Ready when this command exits with 0."]
    status: Annotated[Status | list[Status], "HTTP statuses that pass; default 200 to 399."]
    json: Annotated[dict[str, Any], "What the JSON answer must contain."]
    within: Annotated[Duration, "Budget for becoming ready."]


TokenTable = TypedDict(
    "TokenTable",
    {
        "in": Annotated[
            Literal["query", "header", "subprotocol", "cookie", "message"], "Where the token travels."
        ],
        "name": Annotated[Text, "Name of the query parameter, header, cookie or message field."],
        "secret": Required[Annotated[Text, "A `[shared]` group, or a reference `service:VARIABLE`."]],
        "algorithm": Annotated[Literal["HS256", "HS384", "HS512"], "How the token is signed."],
        "ttl": Annotated[Duration, "How long a minted token is valid."],
        "claims": Annotated[dict[str, Any], "Claims of a minted token."],
    },
    total=False,
)


class ExpectTable(TypedDict, total=False):
    """`websocket.expect` as a table."""

    close: Annotated[list[CloseCode], AtLeast(1), "Close codes of a right connection."]
    status: Annotated[Status, "HTTP status that a right connection gets."]


class WebSocketTable(TypedDict, total=False):
    """`websocket`."""

    protocol: Annotated[
        Literal["ws", "socket.io", "graphql-ws", "hocuspocus", "livekit"], "How clients speak with it."
    ]
    path: Annotated[UrlPath, "Path of the WebSocket."]
    origin: Annotated[Text, "The Origin sent: a service or a literal."]
    expect: Annotated[Literal["open"] | ExpectTable, "What a right connection does."]
    probe: Annotated[bool, "false where a connection has side effects."]
    subprotocols: Annotated[list[Text], "Subprotocols that are offered."]
    rejects_bad_token: Annotated[bool, "A wrong token must be refused."]
    token: Annotated[TokenTable, "Minted for probes."]


class ServiceTable(TypedDict, total=False):
    """One `[services.NAME]`."""

    type: Required[Annotated[ServiceType, "What kind of program it is; decides the defaults."]]
    dir: Annotated[Text, "Where it runs and where its env files are; default `.`."]
    command: Annotated[Text, "How it is started; default: its Procfile entry, else the type's."]
    port: Annotated[PortNumber, "Its main port."]
    host: Annotated[Hostname, "The address it listens on, where that matters."]
    port_env: Annotated[str, Grammar(_variable_or_nothing), 'Variable that carries the port; "" = none.']
    ports: Annotated[dict[Name, PortNumber], "Further ports, by role."]
    depends_on: Annotated[
        list[Name] | dict[Name, Condition], "What must run first; a table gives conditions, else `ready`."
    ]
    restart: Annotated[RestartMode | RestartTable, "When it is started again."]
    stop: Annotated[StopTable, "How it is stopped."]
    setup: Annotated[SetupTable, "What prepares it."]
    oneshot: Annotated[bool, "Exit 0 means completed."]
    optional: Annotated[bool, "Its failure is a warning; dependents start without it."]
    profiles: Annotated[list[Name], "Started only when one of these profiles is asked for."]
    tls: Annotated[bool, "It serves https/wss itself."]
    tty: Annotated[bool, "It needs a terminal."]
    hosts: Annotated[list[Hostname], "Other host names that mean this service."]
    source: Annotated[list[Text], "Which sources are its own; default: its folder."]
    env: Annotated[EnvTable, "How it gets its environment."]
    ready: Annotated[ReadyTable, "When it counts as ready: one probe and its budget."]
    websocket: Annotated[WebSocketTable, "How clients connect."]
    compose: Annotated[ComposeTarget, Grammar(reference.compose_target), "`docker-compose.yml:service`."]
    url: Annotated[
        Reference | LiteralValue,
        Grammar(reference.address),
        "Where an external service is: reference or URL.",
    ]


class SharedTable(TypedDict, total=False):
    """One `[shared.NAME]`."""

    members: Required[Annotated[list[AnyMember], AtLeast(1), "Who must have the same value."]]
    secret: Annotated[bool, "The value is a secret."]
    min_bytes: Annotated[int, Between(1, 4096), "Least length of the value in bytes."]


class DistinctTable(TypedDict, total=False):
    """One `[[distinct]]`."""

    members: Required[Annotated[list[AnyMember], AtLeast(2), "Values that must differ."]]


Scheme = Literal["ws", "wss", "http", "https", "any"]
LinkTable = TypedDict(
    "LinkTable",
    {
        "from": Required[
            Annotated[
                Reference | HostPortReference,
                Grammar(reference.source, _REFERENCE_PATTERN),
                "Variable that holds the URL, or `service:HOST+PORT`.",
            ]
        ],
        "to": Required[
            Annotated[tuple[str, str], Grammar(reference.link_target), "Service, or service.port-role."]
        ],
        "scheme": Annotated[Scheme | list[Scheme], "Allowed schemes; default by the target."],
        "path": Annotated[UrlPath, "Path that the URL must have."],
        "base": Annotated[bool, "Code appends the path to this base URL."],
        "wait": Annotated[bool, "false: the link has no start-order meaning."],
        "used_by": Annotated[Literal["browser", "service"], "Whose view of the host counts."],
    },
    total=False,
)

OriginsTable = TypedDict(
    "OriginsTable",
    {
        "from": Required[Annotated[AnyReference, "Variable that lists the allowed origins."]],
        "allows": Required[Annotated[list[Name], AtLeast(1), "Frontends whose origin must be allowed."]],
    },
    total=False,
)


class IgnoreTable(TypedDict, total=False):
    """One of `doctor.ignore`."""

    rule: Required[Annotated[Text, "Rule's name or id."]]
    path: Annotated[Text, "Only in this file."]
    variable: Annotated[Variable, "Only for this variable."]
    service: Annotated[Name, "Only for this service."]
    reason: Required[Annotated[Text, "Why it is ignored."]]


Alternatives = Annotated[tuple[str, ...], Grammar(_alternatives)]


class DoctorTable(TypedDict, total=False):
    """`[doctor]`."""

    required: Annotated[dict[Name, list[Alternatives]], 'Must be set and not empty; "A|B": one of them.']
    ignore: Annotated[list[IgnoreTable], "Findings that are accepted, each with its reason."]


class StackTable(TypedDict, total=False):
    """One stack.toml."""

    name: Annotated[Text, "Name of the stack; default: the folder's name."]
    procfile: Annotated[Text, "Procfile whose entries give commands."]
    services: Required[Annotated[dict[Name, ServiceTable], "The programs of the stack."]]
    shared: Annotated[dict[Name, SharedTable], "One value with several readers."]
    distinct: Annotated[list[DistinctTable], "Values that must differ."]
    links: Annotated[list[LinkTable], "Variables that must reach a service."]
    origins: Annotated[list[OriginsTable], "Variables that must allow a frontend's origin."]
    doctor: Annotated[DoctorTable, "What doctor requires and accepts."]
    devstack: Annotated[dict[str, Any], "devstack's own options."]
