"""What one WebSocket connection attempt asks for, and everything that was seen of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from devstack.records import dataclass, field

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 3.0
WATCH_SECONDS = 0.2


class Outcome(StrEnum):
    """How far one attempt came."""

    BAD_URL = "bad-url"
    UNKNOWN_HOST = "unknown-host"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect-timeout"
    UNREACHABLE = "unreachable"
    TLS_TO_PLAIN = "tls-to-plain"  # wss:// to a server that speaks plain HTTP
    PLAIN_TO_TLS = "plain-to-tls"  # ws:// to a server that speaks TLS
    TLS_CERTIFICATE = "tls-certificate"
    TLS_FAILED = "tls-failed"
    NO_ANSWER = "no-answer"
    DROPPED = "dropped"  # the connection ended before a whole answer
    NOT_HTTP = "not-http"
    STATUS = "status"
    BAD_HANDSHAKE = "bad-handshake"  # 101, but not a valid one
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """What to connect to and how; `url` may carry a token and is never shown.

    Attributes:
        headers: further request headers (Authorization, Cookie …).
        first_message: text or bytes sent as soon as the socket is open.
        watch: seconds to stay connected after opening, to see whether the server keeps the socket.
        pings: how many pings to time while connected.
        ping_every: seconds between pings while the socket is watched; 0 keeps silent.
        deflate: offer permessage-deflate, as browsers do.
        on_open: called once the socket is open.
        addresses: connect to the first of these that answers, instead of the URL's host.
    """

    url: str
    origin: str | None = None
    subprotocols: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    first_message: str | bytes | None = None
    connect_timeout: float = CONNECT_SECONDS
    answer_timeout: float = ANSWER_SECONDS
    watch: float = WATCH_SECONDS
    pings: int = 0
    ping_every: float = 0.0
    deflate: bool = True
    on_open: Callable[[], None] | None = None
    addresses: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressTried:
    """One address of the host and what connecting to it gave."""

    address: str
    outcome: Outcome


@dataclass(slots=True, kw_only=True, repr=False)
class Answer:
    """Everything seen in one attempt.

    Attributes:
        outcome: the last step reached; `open` also when the server closed afterwards (see `closed`).
        peer: address and port connected to.
        status, headers, body: of the HTTP answer; at most 4 KiB of body, undecoded.
        frames: text messages received after opening, at most 20, cut at 4 KiB.
        data: the same of binary messages.
        invalid: what the server sent after opening that is no valid frame; a page then sees 1006.
        closed: the server ended the connection within the watched time.
        close_code: from its close frame; None when it ended without one (a browser shows 1006).
        connect_ms, answer_ms: durations in milliseconds; pings_ms one per answered ping.
        open_seconds: how long the socket stayed open.
        silent_seconds: how long nothing had been sent by either side when that ended.
        compressed: permessage-deflate was agreed on.
        server_pings: when the server sent pings, in seconds after opening; at most 100.
        detail: a short technical reason, without values.
    """

    outcome: Outcome
    peer: tuple[str, int] | None = None
    tried: tuple[AddressTried, ...] = ()
    status: int | None = None
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    subprotocol: str | None = None
    frames: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    invalid: str = ""
    closed: bool = False
    close_code: int | None = None
    close_reason: str = ""
    connect_ms: float = 0.0
    answer_ms: float = 0.0
    pings_ms: list[float] = field(default_factory=list)
    open_seconds: float = 0.0
    silent_seconds: float = 0.0
    compressed: bool = False
    server_pings: list[float] = field(default_factory=list)
    detail: str = ""

    @property
    def opened(self) -> bool:
        """Whether a page would have seen `open`."""
        return self.outcome is Outcome.OPEN

    @property
    def stays_open(self) -> bool:
        """Whether it opened, and nobody ended it while it was watched."""
        return self.opened and not self.closed

    @property
    def browser_code(self) -> int | None:
        """The close code a page would see; None while the socket stays open."""
        if not self.opened:
            return 1006
        if not self.closed:
            return None
        return 1006 if self.close_code is None else self.close_code
