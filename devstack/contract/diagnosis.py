"""The WebSocket diagnosis: what was observed, step by step, and one verdict."""

from __future__ import annotations

from devstack.contract import closing, protocols
from devstack.contract import identity as identities
from devstack.contract.attempt import Answer, Outcome
from devstack.contract.evidence import Code, Evidence, Verdict, one_line
from devstack.contract.session import Session, Target, TokenTried
from devstack.contract.verdict import decide
from devstack.records import dataclass, replace

PINGS = 5
ABOUT_URL = frozenset(
    {
        Code.DEV_SERVER,
        Code.HMR_SOCKET,
        Code.WRONG_PATH,
        Code.REDIRECT,
        Code.TLS_MISMATCH,
        Code.UNREACHABLE_HOST,
    }
)
"""Verdicts whose usual cause is a URL in some variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was found, in milliseconds; `ok` None = not reached or not applicable."""

    name: str
    ok: bool | None
    detail: str
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Steps in order, the token matrix, the verdict."""

    target: str
    service: str | None
    steps: tuple[Step, ...]
    tokens: tuple[TokenTried, ...]
    verdict: Verdict
    sent_token: bool = False


async def diagnose(target: Target) -> Diagnosis:
    """Find out why `target` opens or does not. Never raises for what the server does."""
    session = Session(target)
    evidence = await session.observe(pings=PINGS)
    verdict = _advised(decide(evidence), target)
    return Diagnosis(
        target=protocols.without_secrets(target.url),
        service=target.service,
        steps=tuple(
            replace(step, detail=one_line(step.detail)) for step in _steps(evidence, session, verdict)
        ),
        tokens=tuple(session.tried),
        verdict=verdict,
        sent_token=evidence.has_token,
    )


_NO_HOST = frozenset({Outcome.UNKNOWN_HOST, Outcome.BAD_URL})
_NO_TCP = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE})
_NO_TLS = frozenset({Outcome.TLS_TO_PLAIN, Outcome.TLS_CERTIFICATE, Outcome.TLS_FAILED})


def _steps(evidence: Evidence, session: Session, verdict: Verdict) -> list[Step]:
    """The ordered steps with what each found; those behind a failed one are not reached."""
    main, steps = evidence.main, _static_steps(session.target)
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


def _static_steps(target: Target) -> list[Step]:
    """What the variables say, before anybody connects."""
    return [
        Step(name="static", ok=wire.ok, detail=f"{wire.name} ({wire.place}) {wire.detail}")
        for wire in target.wires
    ]


def _advised(verdict: Verdict, target: Target) -> Verdict:
    """The verdict with the place to change, where the cause stands in a file."""
    about_token = verdict.code in (Code.UNAUTHORIZED, Code.TOKEN_REJECTED)
    if about_token and target.token_places:
        return replace(verdict, hint=f"make both values equal ({target.token_places}); {verdict.hint}")
    wrong = next((wire for wire in target.wires if wire.ok is False), None)
    if wrong is None or about_token:
        return verdict
    advice = f"mend {wrong.name} ({wrong.place})"
    parts = (advice, verdict.hint) if verdict.code in ABOUT_URL else (verdict.hint, advice)
    return replace(verdict, hint="; ".join(part for part in parts if part))


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
        said = ["101", f"subprotocol {main.subprotocol}" if main.subprotocol else ""]
        detail = ", ".join(one for one in (*said, "compressed" if main.compressed else "") if one)
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


def _open_steps(evidence: Evidence, session: Session, verdict: Verdict) -> list[Step]:
    main, steps = evidence.main, []
    if session.tried:
        bad = verdict.code in (Code.BAD_TOKEN_ACCEPTED, Code.TOKEN_REJECTED)
        taken = ", ".join(
            f"{tried.kind} {'accepted' if tried.accepted else 'refused'}" for tried in session.tried
        )
        steps.append(Step(name="token", ok=not bad, detail=taken))
    steps.append(_close_step(main, verdict))
    if main.pings_ms:
        middle = sorted(main.pings_ms)[len(main.pings_ms) // 2]
        detail = f"ping {middle:.1f} ms (median of {len(main.pings_ms)})"
        steps.append(Step(name="latency", ok=True, detail=detail, ms=middle))
    steps += [Step(name=one.name, ok=one.ok, detail=one.detail) for one in evidence.remarks]
    if (crowd := evidence.crowd) is not None:
        rest = f"; {crowd.others}" if crowd.others else ""
        detail = f"{crowd.opened} of {crowd.asked} open at the same time{rest}"
        steps.append(Step(name="parallel", ok=crowd.opened == crowd.asked, detail=detail))
    return steps


def _close_step(main: Answer, verdict: Verdict) -> Step:
    """Whether it stayed open, and whether anything was said meanwhile: only silence tries a proxy's patience."""
    lasted = main.open_seconds * 1000
    if main.closed:
        code = "no close frame" if main.close_code is None else f"closed with {main.close_code}"
        return Step(name="close", ok=verdict.code is Code.OK, detail=code, ms=lasted)
    stayed = f"still open after {main.open_seconds:.1f} s"
    if main.server_pings:
        stayed += f", pinged by the server after {main.server_pings[0]:.0f} s: it is never silent for long"
    elif main.silent_seconds >= closing.SILENCE:
        stayed += f", {main.silent_seconds:.1f} s of them silent"
    return Step(name="close", ok=True, detail=stayed, ms=lasted)
