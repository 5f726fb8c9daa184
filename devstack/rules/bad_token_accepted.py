"""A wrong, expired, unsigned or missing token is let in.

## Why it matters
Whoever can reach the port can then open the socket, in production as well. It also hides a secret that
differs: everything works until somebody turns verification on.

## Example
`jwt.decode(token, options={"verify_signature": False})`, or a `?token=` that is read and never verified.

## Mending
Verify before anything else: `jwt.decode(token, secret, algorithms=["HS256"])`; refuse what raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.codes import Code
from devstack.rules.base import Finding, Needs, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service that lets a bad token in."""
    live = inspection.need_live()
    for service in inspection.need_stack().services.values():
        diagnosis = live.diagnosis(service)
        if diagnosis is None or diagnosis.verdict.code is not Code.BAD_TOKEN_ACCEPTED:
            continue
        kinds = ", ".join(tried.kind for tried in diagnosis.tokens if tried.accepted and tried.kind != "good")
        yield RULE.finding(
            f"`{service.name}` lets clients in that it must refuse: {kinds}. Anybody who reaches the port can"
            " open its socket.",
            inspection.at_key(f"services.{service.name}.websocket.token"),
            service=service.name,
            hint=diagnosis.verdict.hint,
        )


RULE = Rule(
    id="DS606",
    name="bad-token-accepted",
    severity=Severity.ERROR,
    needs=Needs.LIVE,
    check=check,
    page=__doc__,
)
