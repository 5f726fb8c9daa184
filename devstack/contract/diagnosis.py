"""The WebSocket diagnosis: attempts in the order in which their answers are needed, then one verdict.

Connections are made one at a time and closed with 1000, so that a server's own limits are not exceeded.
 A minted token goes only to hosts that the stack declares; `Target.may_send_token` says so.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit, urlunsplit

from devstack.contract import identity as identities
from devstack.contract import livekit, protocols
from devstack.contract.attempt import Answer, Outcome, Request
from devstack.contract.evidence import Code, Evidence, Verdict
from devstack.contract.handshake import attempt
from devstack.contract.plain_http import Endpoint, get
from devstack.contract.protocols import Manner
from devstack.contract.tokens import CannotMintError, Minter, TokenKind, matrix
from devstack.contract.verdict import decide
from devstack.stack.model import Expect

PINGS = 5
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
        must_refuse: a wrong token has to be refused.
        may_send_token: False for hosts that the stack does not declare.
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
    must_refuse: bool = False
    may_send_token: bool = True
    expect: Expect = field(default_factory=Expect)
    idle: float = 0.0
    timeout: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was found, in milliseconds; `ok` None = not reached or not applicable."""

    name: str
    ok: bool | None
    detail: str
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTried:
    """One token of the matrix and how the server took it."""

    kind: TokenKind
    accepted: bool
    close_code: int | None
    http_status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Steps in order, the token matrix, the verdict."""

    target: str
    service: str | None
    steps: tuple[Step, ...]
    tokens: tuple[TokenTried, ...]
    verdict: Verdict
    sent_token: bool = False


Progress = Callable[[Step], None]


async def diagnose(target: Target) -> Diagnosis:
    """Find out why `target` opens or does not. Never raises for what the server does."""
    session = _Session(target)
    evidence = await session.observe()
    verdict = decide(evidence)
    return Diagnosis(
        target=protocols.without_secrets(target.url),
        service=target.service,
        steps=tuple(_steps(evidence, session, verdict)),
        tokens=tuple(session.tried),
        verdict=verdict,
        sent_token=evidence.has_token,
    )


class _Session:
    """The attempts for one target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tried: list[TokenTried] = []
        self._parts = urlsplit(target.url)
        self._tokens = self._minted()

    def _minted(self) -> Mapping[TokenKind, str | None]:
        target = self.target
        if not target.may_send_token:
            return {}
        if target.token is not None:
            return {TokenKind.GOOD: target.token}
        if target.minter is None:
            return {}
        try:
            return matrix(target.minter, now=time.time())
        except CannotMintError:
            return {}

    async def observe(self) -> Evidence:
        """Make the attempts that the first answer calls for."""
        good = self._tokens.get(TokenKind.GOOD)
        main = await self._try(good, pings=PINGS, watch=max(self.target.idle, 0.2))
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
        await self._look_closer(evidence)
        if main.opened and evidence.hmr is None and evidence.holder is None and self.target.token is None:
            await self._try_matrix(evidence)
        return evidence

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
            if self._asked().subprotocols and main.subprotocol is None:
                evidence.without_subprotocol = main
            if main.closed and self.target.origin:
                evidence.without_origin = await self._try(self._good(), origin=None)
            return
        if main.outcome in (Outcome.TLS_FAILED, Outcome.DROPPED, Outcome.NO_ANSWER, Outcome.NOT_HTTP):
            await self._other_transport(evidence)
        if main.outcome in _WORTH_ASKING:
            evidence.identity = await self._who()
        if main.status in ORIGIN_KINDS | {404, 405}:
            await self._compare(evidence)
        if self.target.manner.protocol == "livekit" and main.status in ORIGIN_KINDS:
            said = main.body or (await livekit.validate(self._asked().url, timeout=self.target.timeout)).body
            evidence.token_reason = livekit.cause(said.decode("latin-1")) or evidence.token_reason

    async def _compare(self, evidence: Evidence) -> None:
        """Further attempts that tell path, origin and token apart."""
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
            evidence.tokens = {TokenKind.NONE: bare.opened and not bare.closed}

    async def _hmr(self, answer: Answer) -> identities.Identity | None:
        """An HMR socket, confirmed: an app may greet with the same message, but not close a `vite-ping`."""
        found = identities.of_answer(answer, self._parts.path)
        if found is None or found.program is not identities.Program.VITE_HMR or not answer.opened:
            return found
        probe = Request(url=self._bare(), subprotocols=("vite-ping",), answer_timeout=self.target.timeout)
        ping = await attempt(probe)
        if ping.opened and ping.closed and ping.close_code == 1000:
            return found
        stranger = await attempt(replace(probe, subprotocols=(), origin="http://devstack.invalid"))
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
        return Endpoint(address=self._parts.hostname or "", port=self._port(), tls=tls)

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
        accepted = answer.opened and not answer.closed and not protocols.refusal(self.target.manner, answer)
        if kind in self._tokens:
            self.tried.append(
                TokenTried(
                    kind=kind, accepted=accepted, close_code=answer.browser_code, http_status=answer.status
                )
            )
        return accepted

    def _good(self) -> str | None:
        return self._tokens.get(TokenKind.GOOD)

    def _bare(self) -> str:
        return self.target.url

    def _asked(self) -> Request:
        return protocols.request(self.target.manner, self.target.url, self._good())

    async def _try(
        self,
        token: str | None,
        *,
        origin: str | None = "declared",
        path: str | None = None,
        pings: int = 0,
        watch: float = 0.2,
    ) -> Answer:
        url = self.target.url if path is None else urlunsplit(self._parts._replace(path=path))
        sent = self.target.origin if origin == "declared" else origin
        asked = protocols.request(self.target.manner, url, token, origin=sent)
        return await attempt(
            replace(
                asked,
                pings=pings,
                watch=watch,
                connect_timeout=self.target.timeout,
                answer_timeout=self.target.timeout,
            )
        )


_WORTH_ASKING = frozenset({Outcome.NO_ANSWER, Outcome.DROPPED, Outcome.STATUS, Outcome.NOT_HTTP})
_NO_HOST = frozenset({Outcome.UNKNOWN_HOST, Outcome.BAD_URL})
_NO_TCP = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE})
_NO_TLS = frozenset({Outcome.TLS_TO_PLAIN, Outcome.TLS_CERTIFICATE, Outcome.TLS_FAILED})


def _steps(evidence: Evidence, session: _Session, verdict: Verdict) -> list[Step]:
    """The ordered steps with what each found; those behind a failed one are not reached."""
    main, steps = evidence.main, []
    addresses = ", ".join(entry.address for entry in main.tried) or "no address"
    steps.append(Step(name="dns", ok=main.outcome not in _NO_HOST, detail=addresses))
    if main.outcome in _NO_HOST:
        return steps
    steps.append(_tcp_step(evidence))
    if main.outcome in _NO_TCP:
        return steps
    if session.target.url.startswith("wss:"):
        steps.append(Step(name="tls", ok=main.outcome not in _NO_TLS, detail=main.detail or "accepted"))
        if main.outcome in _NO_TLS:
            return steps
    steps.append(_upgrade_step(main))
    steps.append(_identity_step(evidence))
    if not main.opened:
        return steps
    steps += _open_steps(evidence, session, verdict)
    return steps


def _tcp_step(evidence: Evidence) -> Step:
    main = evidence.main
    said = [f"{entry.address} {_TCP_WORDS.get(entry.outcome, 'open')}" for entry in main.tried]
    return Step(
        name="tcp",
        ok=main.outcome not in _NO_TCP,
        detail=f"port {evidence.port}: {', '.join(said)}",
        ms=main.connect_ms,
    )


_TCP_WORDS = {
    Outcome.REFUSED: "refused",
    Outcome.CONNECT_TIMEOUT: "timed out",
    Outcome.UNREACHABLE: "unreachable",
}


def _upgrade_step(main: Answer) -> Step:
    if main.opened:
        detail = "101" + (f", subprotocol {main.subprotocol}" if main.subprotocol else "")
    elif main.status is not None:
        detail = f"HTTP {main.status} {main.reason}".strip()
    else:
        detail = {Outcome.NO_ANSWER: "no answer", Outcome.DROPPED: "connection ended without an answer"}.get(
            main.outcome, main.detail
        )
    return Step(name="upgrade", ok=main.opened, detail=detail, ms=main.answer_ms)


def _identity_step(evidence: Evidence) -> Step:
    if evidence.holder:
        return Step(name="identity", ok=False, detail=evidence.holder)
    if evidence.hmr:
        return Step(name="identity", ok=False, detail=f"{evidence.hmr.program}: {evidence.hmr.evidence}")
    known = evidence.identity
    if known is None:
        return Step(name="identity", ok=True, detail="not a dev server's socket")
    is_frontend = known.program in identities.DEV_SERVERS | identities.HMR_SOCKETS
    return Step(name="identity", ok=not is_frontend, detail=f"{known.program}: {known.evidence}".strip(": "))


def _open_steps(evidence: Evidence, session: _Session, verdict: Verdict) -> list[Step]:
    main, steps = evidence.main, []
    if session.tried:
        bad = verdict.code in (Code.BAD_TOKEN_ACCEPTED, Code.TOKEN_REJECTED)
        taken = ", ".join(
            f"{tried.kind} {'accepted' if tried.accepted else 'refused'}" for tried in session.tried
        )
        steps.append(Step(name="token", ok=not bad, detail=taken))
    if main.closed:
        code = "no close frame" if main.close_code is None else f"closed with {main.close_code}"
        steps.append(Step(name="close", ok=verdict.code is Code.OK, detail=code, ms=main.open_seconds * 1000))
    else:
        stayed = f"still open after {main.open_seconds:.1f} s"
        steps.append(Step(name="close", ok=True, detail=stayed, ms=main.open_seconds * 1000))
    if main.pings_ms:
        middle = sorted(main.pings_ms)[len(main.pings_ms) // 2]
        steps.append(
            Step(
                name="latency",
                ok=True,
                detail=f"ping {middle:.1f} ms (median of {len(main.pings_ms)})",
                ms=middle,
            )
        )
    return steps


def diagnose_now(target: Target) -> Diagnosis:
    """`diagnose` for callers without an event loop."""
    return asyncio.run(diagnose(target))
