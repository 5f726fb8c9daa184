"""A right token is refused by the running service.

## Why it matters
The page signs in, gets its token, and the socket closes: with 4401 or 1008 when the server accepts first,
with 1006 when it refuses at the upgrade.

## Example
Next signs with the `JWT_SECRET` of `.env.local`; the server was started before `.env` was changed and still
verifies with the old value.

## Mending
`shared-mismatch` or `stale-environment` in the same report name the cause; else `devstack token check TOKEN`
tells signature, exp, aud, iss, algorithm and clock apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.codes import Code
from devstack.rules.base import Finding, Needs, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


REFUSED = frozenset({Code.TOKEN_REJECTED, Code.UNAUTHORIZED})


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service that refuses the stack's own token."""
    live = inspection.need_live()
    for service in inspection.need_stack().services.values():
        diagnosis = live.diagnosis(service)
        if diagnosis is None or not diagnosis.sent_token or diagnosis.verdict.code not in REFUSED:
            continue
        verdict = diagnosis.verdict
        shows = "1006" if not verdict.opened else str(verdict.close_code or "an open socket that is told no")
        yield RULE.finding(
            f"`{service.name}` refuses the token that this stack signs: {verdict.message}."
            f" The browser shows {shows}.",
            inspection.at_key(f"services.{service.name}.websocket.token"),
            service=service.name,
            hint=verdict.hint,
        )


RULE = Rule(
    id="DS607", name="token-rejected", severity=Severity.ERROR, needs=Needs.LIVE, check=check, page=__doc__
)
