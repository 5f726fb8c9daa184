"""A service's WebSocket does not open, or not for long.

## Why it matters
The browser hides every reason: a wrong path, a frontend's port, a refused origin, a crash and a broken
handshake all show as `error` and close code 1006. The finding names the step that failed.

## Example
The URL's path is `/socket`, the server serves `/ws`: FastAPI answers 403, the page sees 1006.

## Mending
`devstack ws SERVICE` shows every step, what a browser would show, and what to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.codes import Code
from devstack.rules.base import Finding, Needs, Rule, Severity
from devstack.rules.token_rejected import REFUSED

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

# Said by other rules: service-down, foreign-listener, bad-token-accepted; refused tokens by token-rejected.
ELSEWHERE = frozenset({Code.OK, Code.NOT_LISTENING, Code.WRONG_PROCESS, Code.BAD_TOKEN_ACCEPTED})


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per declared WebSocket that fails."""
    live = inspection.need_live()
    for service in inspection.need_stack().services.values():
        diagnosis = live.diagnosis(service)
        if diagnosis is None or diagnosis.verdict.code in ELSEWHERE:
            continue
        if diagnosis.sent_token and diagnosis.verdict.code in REFUSED:
            continue
        verdict = diagnosis.verdict
        shows = "1006" if not verdict.opened else f"open, then {verdict.close_code}"
        yield RULE.finding(
            f"The WebSocket of `{service.name}` at {diagnosis.target} fails ({verdict.code}):"
            f" {verdict.message}. The browser shows {shows}.",
            inspection.at_key(f"services.{service.name}.websocket"),
            service=service.name,
            hint=verdict.hint or f"`devstack ws {service.name}` shows every step",
        )


RULE = Rule(
    id="DS605", name="websocket-refused", severity=Severity.ERROR, needs=Needs.LIVE, check=check, page=__doc__
)
