"""What a diagnosis knows and what it says: the evidence, the codes, the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.contract.attempt import Answer
from devstack.contract.codes import Code as Code
from devstack.contract.identity import Identity
from devstack.contract.tokens import TokenKind
from devstack.contract.urls import bracketed
from devstack.records import dataclass, field
from devstack.stack.model import Expect


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The cause, what a person sees because of it, and what to do."""

    code: Code
    message: str
    hint: str = ""
    opened: bool = False
    close_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """So many connections were asked for at once, so many opened; `others`: how the rest was answered."""

    asked: int
    opened: int
    others: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that does not decide the verdict; `ok` as in a step."""

    name: str
    detail: str
    ok: bool | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class Evidence:
    """All observations about one endpoint. Further attempts are None where they were not needed.

    Attributes:
        main: the attempt as a page would make it: its origin, its subprotocols, a good token.
        control: the same to a path that no server has.
        without_origin, without_subprotocol: the same without that header.
        at_declared_path: the same to the path that stack.toml declares, when the URL's differs.
        without_deflate: the same without an offer of compression.
        kept_alive: the same with pings, for as long again as the silent one lasted.
        crowd: what became of many of them at the same time.
        over_tls, over_plain: whether the other transport was understood on this port.
        routes: WebSocket routes found in the service's source.
        tokens: of the bad ones that were tried, whether each was let in.
        refused_by_message: the protocol's own words for a refusal, while the socket stays open.
        is_greeted: an open socket got the acceptance that its protocol promises.
        token_reason: what files say is wrong with the token.
        refused_because: what the server itself said, in our words.
        holder: for a process that is not the service's: who it is.
    """

    main: Answer
    path: str
    host: str
    port: int
    origin: str | None = None
    has_token: bool = False
    refused_by_message: str | None = None
    hmr: Identity | None = None
    identity: Identity | None = None
    control: Answer | None = None
    without_origin: Answer | None = None
    without_subprotocol: Answer | None = None
    without_deflate: Answer | None = None
    kept_alive: Answer | None = None
    crowd: Crowd | None = None
    remarks: list[Remark] = field(default_factory=list)
    declared_path: str | None = None
    at_declared_path: Answer | None = None
    over_tls: bool = False
    over_plain: bool = False
    routes: tuple[str, ...] = ()
    tokens: Mapping[TokenKind, bool] = field(default_factory=dict)
    needs_token: bool = False
    is_greeted: bool = True
    expect: Expect = field(default_factory=Expect)
    holder: str | None = None
    token_reason: str | None = None
    refused_because: str | None = None

    @property
    def works_uncompressed(self) -> bool:
        """Whether compression is all that is wrong."""
        bare = self.without_deflate
        return bare is not None and bare.stays_open

    @property
    def is_as_declared(self) -> bool:
        """Whether stack.toml expects a refusal and exactly this one came."""
        expect, main = self.expect, self.main
        if expect.kind == "status":
            return not main.opened and main.status in expect.codes
        return expect.kind == "close" and main.opened and main.close_code in expect.codes

    @property
    def where(self) -> str:
        """Host and port for messages."""
        return f"{bracketed(self.host)}:{self.port}"


_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


def one_line(text: str) -> str:
    """Text that a server may have had a part in, as one printable line: no control codes, no token."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return _TOKEN.sub("…", " ".join(shown.split()))


Found = tuple[Code, str, str] | None


def matches_route(path: str, route: str) -> bool:
    """Whether a path fits a route such as `/ws/{room}` or `/ws/:id`, prefixes of routers aside."""
    pattern = re.sub(r"\\\{[^/]*?\\\}|<[^/]*?>|:\w+", "[^/]+", re.escape(route.rstrip("/")))
    return re.search(f"{pattern}$", path.rstrip("/")) is not None
