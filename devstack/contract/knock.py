"""One look at a service's WebSocket as a client of this stack: does it open? The readiness gate's question.

Bad tokens are not tried here: whether the server refuses them is asked by `doctor --live` and `devstack ws`.
"""

from __future__ import annotations

from devstack.contract.attempt import Outcome
from devstack.contract.evidence import Code, Evidence, Verdict
from devstack.contract.session import Session, Target
from devstack.contract.verdict import decide
from devstack.records import dataclass

ABOUT_TOKEN = frozenset({Code.UNAUTHORIZED, Code.TOKEN_REJECTED})
SETTLED = ABOUT_TOKEN | {
    Code.ORIGIN_REJECTED,
    Code.SUBPROTOCOL_REJECTED,
    Code.HMR_SOCKET,
    Code.TLS_MISMATCH,
    Code.BAD_TOKEN_ACCEPTED,
}
"""Answers that the same server gives again to the same question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """The verdict on one connection.

    Attributes:
        excuse: why a bad verdict does not speak against the service: what a right client sends is not known
            here, or this client cannot judge it; "" where it counts.
    """

    verdict: Verdict
    excuse: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the socket behaves as declared."""
        return self.verdict.code is Code.OK

    @property
    def is_settled(self) -> bool:
        """Whether asking again is pointless until server or environment change."""
        return self.verdict.code in SETTLED


async def knock(target: Target) -> Knock:
    """Connect once as `target` says; further connections only to name the cause of a refusal."""
    session = Session(target)
    evidence = await session.observe(try_tokens=False)
    verdict = decide(evidence)
    return Knock(verdict=verdict, excuse=_excuse(session, evidence, verdict))


def _excuse(session: Session, evidence: Evidence, verdict: Verdict) -> str:
    if verdict.code in ABOUT_TOKEN and not evidence.has_token:
        declared = session.target.manner.token is not None
        why = session.no_token or ("this host gets none" if declared else "stack.toml declares none")
        return f"it asks for a token, and no token could be minted: {why}"
    if evidence.main.outcome is Outcome.TLS_CERTIFICATE:
        return f"its certificate is not trusted here ({evidence.main.detail}); a browser may trust it"
    return ""
