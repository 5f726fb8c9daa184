"""A WebSocket address leads to a host that does not carry WebSockets.

## Why it matters
AWS App Runner, static hosts and function URLs answer requests only: the upgrade gets 403 or 404, the browser shows
1006, and retrying cannot help. Others carry WebSockets under conditions, or end idle connections; that is told as
a warning or as information.

The table of hosts is dated and names its sources (`devstack/contract/hosts.toml`). Env files of every mode and
literals in source are looked at, since production files break only after deployment.

## Example
```
web/.env.production   NEXT_PUBLIC_WEBSOCKET_URL=wss://x.eu-west-1.awsapprunner.com/ws
```

## Mending
Host the WebSocket elsewhere, or use HTTP polling against that host (`https://`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import hosts
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.web_addresses import SocketAddress, socket_addresses

if TYPE_CHECKING:
    from devstack.contract.hosts import HostEntry
    from devstack.rules.inspection import Inspection

_SEVERITY = {"no": Severity.ERROR, "some": Severity.WARNING, "yes": Severity.INFO}


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per place."""
    inspection.need_stack()
    for found in socket_addresses(inspection):
        entry = hosts.find(found.address.host)
        if entry is not None and (entry.websocket != "yes" or entry.limit is not None):
            yield _finding(found, entry)


def _finding(found: SocketAddress, entry: HostEntry) -> Finding:
    what = f"`{found.name}`" if found.name else "This address"
    if entry.websocket == "no":
        message = (
            f"{what} is {reach.shown(found.text)}, but {entry.name} carries no WebSockets: the upgrade is refused, "
            "the browser shows 1006, and retrying cannot help."
        )
        hint = "host the WebSocket elsewhere, or poll over https"
    elif entry.websocket == "some":
        message = (
            f"{what} is {reach.shown(found.text)}; {entry.name} carries WebSockets only under conditions: "
            f"{entry.limit}."
        )
        hint = "check that the service behind this host accepts upgrades"
    else:
        message = f"{what} is {reach.shown(found.text)}; mind that with {entry.name} {entry.limit}."
        hint = "send a ping every 25 seconds and reconnect when the connection ends"
    return RULE.finding(
        f"{message} (As of {entry.verified}: {entry.source}.)",
        found.place,
        severity=_SEVERITY[entry.websocket],
        service=found.service,
        hint=hint,
    )


RULE = Rule(
    id="DS212", name="host-without-websocket", severity=Severity.ERROR, page=__doc__ or "", check=check
)
