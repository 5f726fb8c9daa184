"""The connection attempts for one target, each made because an earlier answer calls for it.

Connections are made one at a time and closed with 1000, so that a server's own limits are not exceeded; only
`Target.parallel` asks for more.
A minted token goes only to hosts that the stack declares; `Target.may_send_token` says so.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypedDict, Unpack
from urllib.parse import urlsplit, urlunsplit

from devstack.contract import closing, livekit, protocols
from devstack.contract import identity as identities
from devstack.contract.attempt import WATCH_SECONDS, Answer, Outcome, Request
from devstack.contract.connection import Endpoint
from devstack.contract.evidence import Crowd, Evidence, Remark
from devstack.contract.handshake import attempt
from devstack.contract.plain_http import get
from devstack.contract.protocols import Manner
from devstack.contract.tokens import CannotMintError, Minter, TokenKind, matrix
from devstack.contract.urls import is_loopback
from devstack.contract.wiring import Wire
from devstack.records import dataclass, field, replace
from devstack.stack.model import Expect

EARLY = 3.0
"""A server that closes later than this many seconds after opening does so for another reason than the origin."""
CROWD_SECONDS = 1.0
STRANGER = "http://devstack.invalid"
ORIGIN_KINDS = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Target:
    """What to diagnose and what is known about it beforehand.

    Attributes:
        url: without a token.
        origin: what the page sends; None for clients that are no browser.
        token: a token given by hand instead of a minted one.
        declared_path: where stack.toml says the socket is.
        routes: WebSocket routes found in the service's source.
        holder: who listens, when it is not the service.
        token_reason: why the stack's own token cannot be right (a mismatch found in files).
        token_places: where the values stand that make and check tokens, where they differ.
        wires: the variables that lead to the service, read as text.
        must_refuse: a wrong token has to be refused.
        may_send_token: False for hosts that the stack does not declare.
        idle: seconds for which the socket is to stay open while nothing is sent.
        parallel: how many connections are to be open at the same time.
        addresses: connect to these instead of asking for the host's; the Host header stays the URL's.
    """

    url: str
    service: str | None = None
    origin: str | None = None
    manner: Manner = field(default_factory=Manner)
    minter: Minter | None = None
    token: str | None = None
    declared_path: str | None = None
    routes: tuple[str, ...] = ()
    holder: str | None = None
    token_reason: str | None = None
    token_places: str = ""
    wires: tuple[Wire, ...] = ()
    must_refuse: bool = False
    may_send_token: bool = True
    expect: Expect = field(default_factory=Expect)
    idle: float = 0.0
    parallel: int = 0
    timeout: float = 3.0
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTried:
    """One token of the matrix and how the server took it."""

    kind: TokenKind
    accepted: bool
    close_code: int | None
    http_status: int | None


class Asking(TypedDict, total=False):
    """Those fields of a Request that an attempt may set by itself."""

    pings: int
    ping_every: float
    watch: float
    deflate: bool
    on_open: Callable[[], None]


class Session:
    """The attempts for one target.

    Attributes:
        tried: the token matrix, as far as it was tried.
        no_token: why the declared token cannot be sent; None where one is sent or none is declared.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tried: list[TokenTried] = []
        self.no_token: str | None = None
        self._parts = urlsplit(target.url)
        self._tokens = self._minted()

    def _minted(self) -> Mapping[TokenKind, str | None]:
        target = self.target
        if not target.may_send_token:
            return {}
        if target.token is not None:
            return {TokenKind.GOOD: target.token}
        if target.minter is None:
            self.no_token = None if target.manner.token is None else "its secret has no value"
            return {}
        try:
            return matrix(target.minter, now=time.time())
        except CannotMintError as problem:
            self.no_token = str(problem)
            return {}

    async def observe(self, *, pings: int = 0, try_tokens: bool = True) -> Evidence:
        """Make the attempts that the first answer calls for; `try_tokens`: bad ones as well."""
        good = self._tokens.get(TokenKind.GOOD)
        main = await self._try(good, pings=pings, watch=max(self.target.idle, WATCH_SECONDS))
        if self._may_still_greet(main):
            main = await self._try(good, pings=pings, watch=self.target.timeout)
        evidence = Evidence(
            main=main,
            path=self._parts.path,
            host=self._parts.hostname or "",
            port=self._port(),
            origin=self.target.origin,
            has_token=good is not None,
            needs_token=self.target.manner.token is not None,
            declared_path=self.target.declared_path,
            routes=self.target.routes,
            holder=self.target.holder,
            expect=self.target.expect,
            token_reason=self.target.token_reason,
        )
        if evidence.is_as_declared:
            return evidence
        await self._look_closer(evidence)
        is_app = main.opened and evidence.hmr is None and evidence.holder is None
        if try_tokens and is_app and self.target.token is None:
            await self._try_matrix(evidence)
        if try_tokens and is_app:
            await self._look_around(evidence)
        return evidence

    async def hold(self, seconds: float, on_open: Callable[[], None]) -> Answer:
        """One connection with a good token, kept until the server ends it or `seconds` have passed."""
        return await self._try(self._good(), watch=seconds, on_open=on_open)

    def _may_still_greet(self, main: Answer) -> bool:
        """The socket is open, and its protocol's own yes or no has not come yet."""
        manner = self.target.manner
        is_decided = protocols.is_greeted(manner, main) or protocols.refusal(manner, main) is not None
        return main.stays_open and not is_decided

    def _port(self) -> int:
        try:
            return self._parts.port or (443 if self._parts.scheme == "wss" else 80)
        except ValueError:
            return 0

    async def _look_closer(self, evidence: Evidence) -> None:
        main = evidence.main
        evidence.hmr = await self._hmr(main)
        if main.opened:
            evidence.refused_by_message = protocols.refusal(self.target.manner, main)
            evidence.is_greeted = protocols.is_greeted(self.target.manner, main)
            if self._asked().subprotocols and main.subprotocol is None:
                evidence.without_subprotocol = main
            if main.closed and self.target.origin and main.open_seconds < EARLY:
                watch = main.open_seconds + WATCH_SECONDS
                evidence.without_origin = await self._try(self._good(), origin=None, watch=watch)
            if self.target.idle and closing.may_be_silence(main):
                evidence.kept_alive = await self._try(
                    self._good(), ping_every=main.silent_seconds / 3, watch=main.open_seconds * 1.5
                )
            if main.invalid and main.compressed:
                evidence.without_deflate = await self._try(self._good(), deflate=False)
            return
        if main.outcome is Outcome.BAD_HANDSHAKE:
            evidence.without_deflate = await self._try(self._good(), deflate=False)
        if main.outcome in (Outcome.TLS_FAILED, Outcome.DROPPED, Outcome.NO_ANSWER, Outcome.NOT_HTTP):
            await self._other_transport(evidence)
        if main.outcome in _WORTH_ASKING:
            evidence.identity = await self._who()
        if main.status in ORIGIN_KINDS | {404, 405}:
            await self._compare(evidence)
        if self.target.manner.protocol == "livekit" and main.status in ORIGIN_KINDS | {404}:
            said = main.body or (await livekit.validate(self._asked().url, timeout=self.target.timeout)).body
            evidence.refused_because = livekit.cause(said.decode("latin-1"), has_token=evidence.has_token)

    async def _compare(self, evidence: Evidence) -> None:
        """Further attempts that tell subprotocol, path, origin and token apart."""
        if self.target.manner.subprotocols:
            evidence.without_subprotocol = await self._try(self._good(), subprotocols=())
        if self.target.origin and evidence.main.status in ORIGIN_KINDS:
            evidence.without_origin = await self._try(self._good(), origin=None)
            if evidence.hmr is None:
                evidence.hmr = await self._hmr(evidence.without_origin)
        evidence.control = await self._try(self._good(), path=f"/devstack-{secrets.token_hex(6)}")
        declared = self.target.declared_path
        if declared and declared.rstrip("/") != self._parts.path.rstrip("/"):
            evidence.at_declared_path = await self._try(self._good(), path=declared)
        if TokenKind.NONE in self._tokens and evidence.has_token:
            bare = await self._try(None)
            evidence.tokens = {TokenKind.NONE: bare.stays_open}

    async def _look_around(self, evidence: Evidence) -> None:
        """What else is worth knowing of a socket that opens."""
        if evidence.main.closed or evidence.refused_by_message:
            return
        if self.target.origin is not None and self.target.token is None and is_loopback(evidence.host):
            evidence.remarks += await self._origins(self.target.origin)
        url = self._asked().url
        if self.target.manner.protocol == "livekit" and await livekit.lacks_newer_path(
            url, timeout=self.target.timeout
        ):
            evidence.remarks.append(
                Remark(name="livekit", detail="no /rtc/v1: newer clients get 404 first, then use /rtc")
            )
        if self.target.parallel > 1:
            evidence.crowd = await self._crowd(self.target.parallel)

    async def _origins(self, own: str) -> list[Remark]:
        """The same page under the other name of this machine, and any other page where a cookie is enough."""
        found = []
        twin = _twin(own)
        if twin is not None and not (await self._try(self._good(), origin=twin)).stays_open:
            detail = f"{own} gets in; the same page opened as {twin} does not"
            found.append(Remark(name="origin", detail=detail))
        token = self.target.manner.token
        if (
            token is not None
            and token.place == "cookie"
            and (await self._try(self._good(), origin=STRANGER)).stays_open
        ):
            detail = "any web page gets in with its visitor's cookie: check the Origin header"
            found.append(Remark(name="origin", ok=False, detail=detail))
        return found

    async def _crowd(self, size: int) -> Crowd:
        """So many connections at once, each open until all have been answered."""
        answers = await asyncio.gather(*(self._try(self._good(), watch=CROWD_SECONDS) for _ in range(size)))
        others = Counter(_end_of(one) for one in answers if not one.stays_open)
        return Crowd(
            asked=size,
            opened=size - others.total(),
            others=", ".join(f"{count} × {how}" for how, count in others.most_common(3)),
        )

    async def _hmr(self, answer: Answer) -> identities.Identity | None:
        """An HMR socket, confirmed: an app may greet with the same message, but not close a `vite-ping`."""
        found = identities.of_answer(answer, self._parts.path)
        if found is None or found.program is not identities.Program.VITE_HMR or not answer.opened:
            return found
        probe = Request(
            url=self.target.url,
            subprotocols=("vite-ping",),
            answer_timeout=self.target.timeout,
            addresses=self.target.addresses,
        )
        ping = await attempt(probe)
        if ping.opened and ping.closed and ping.close_code == 1000:
            return found
        stranger = await attempt(replace(probe, subprotocols=(), origin=STRANGER))
        return found if stranger.status == 400 else None

    async def _other_transport(self, evidence: Evidence) -> None:
        """Whether the port understands the transport that the URL does not name."""
        tls = self._parts.scheme != "wss"
        answer = await get(self._endpoint(tls=tls), "/", timeout=self.target.timeout, limit=1024)
        evidence.over_tls = tls and answer.status is not None
        evidence.over_plain = not tls and answer.status is not None

    async def _who(self) -> identities.Identity:
        return await identities.ask(
            self._endpoint(tls=self._parts.scheme == "wss"), timeout=self.target.timeout
        )

    def _endpoint(self, *, tls: bool) -> Endpoint:
        host = self._parts.hostname or ""
        address = self.target.addresses[0] if self.target.addresses else host
        return Endpoint(address=address, port=self._port(), host=host, tls=tls)

    async def _try_matrix(self, evidence: Evidence) -> None:
        """Every other token: each must be refused, one connection at a time."""
        self._note(TokenKind.GOOD, evidence.main)
        if evidence.main.closed or evidence.refused_by_message:
            return
        accepted: dict[TokenKind, bool] = {}
        for kind, token in self._tokens.items():
            if kind is TokenKind.GOOD:
                continue
            answer = await self._try(token)
            taken = self._note(kind, answer)
            if kind is not TokenKind.NONE or self.target.must_refuse:
                accepted[kind] = taken
        evidence.tokens = accepted

    def _note(self, kind: TokenKind, answer: Answer) -> bool:
        accepted = answer.stays_open and not protocols.refusal(self.target.manner, answer)
        if kind in self._tokens:
            self.tried.append(
                TokenTried(
                    kind=kind, accepted=accepted, close_code=answer.browser_code, http_status=answer.status
                )
            )
        return accepted

    def _good(self) -> str | None:
        return self._tokens.get(TokenKind.GOOD)

    def _asked(self) -> Request:
        return protocols.request(self.target.manner, self.target.url, self._good())

    async def _try(
        self,
        token: str | None,
        *,
        origin: str | None = "declared",
        path: str | None = None,
        subprotocols: tuple[str, ...] | None = None,
        **manner_of_asking: Unpack[Asking],
    ) -> Answer:
        url = self.target.url if path is None else urlunsplit(self._parts._replace(path=path))
        sent = self.target.origin if origin == "declared" else origin
        manner = self.target.manner
        if subprotocols is not None:
            manner = replace(manner, subprotocols=subprotocols)
        asked = protocols.request(manner, url, token, origin=sent)
        return await attempt(
            replace(
                asked,
                **manner_of_asking,
                connect_timeout=self.target.timeout,
                answer_timeout=self.target.timeout,
                addresses=self.target.addresses,
            )
        )


def _twin(origin: str) -> str | None:
    """`http://127.0.0.1:3000` for `http://localhost:3000`, and the other way round."""
    parts = urlsplit(origin)
    other = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}.get(parts.hostname or "")
    return None if other is None else origin.replace(f"//{parts.hostname}", f"//{other}", 1)


def _end_of(answer: Answer) -> str:
    """How one connection of many was ended, in a word or two."""
    if answer.opened:
        return "closed without a frame" if answer.close_code is None else f"closed with {answer.close_code}"
    return f"HTTP {answer.status}" if answer.status is not None else str(answer.outcome)


_WORTH_ASKING = frozenset({Outcome.NO_ANSWER, Outcome.DROPPED, Outcome.STATUS, Outcome.NOT_HTTP})
