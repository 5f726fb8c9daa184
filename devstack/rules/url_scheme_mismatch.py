"""A URL asks for TLS where none is spoken, or the reverse; or one endpoint is spelt with ws and with wss.

## Why it matters
`wss://localhost:3001` to a plain server ends in ERR_SSL_PROTOCOL_ERROR, `ws://` to a TLS port in a broken
handshake. The browser shows 1006 for both.

A link's scheme follows from `scheme`, else from `tls` of the target. Remote hosts are not judged here.

## Example
```
web/.env   VITE_WS_URL=wss://localhost:3001     # ws serves plain WebSockets
```

## Mending
Write the scheme that the target speaks, or declare `tls = true` on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.links import JudgedLink, Where
from devstack.contract.urls import Address
from devstack.rules import evidence, reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.shared_mismatch import only_schemes_differ

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_TLS = {"ws": "wss", "http": "https"}
_PLAIN = {"wss": "ws", "https": "http"}


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per link, then one per shared group."""
    for judged, address in reach.sound(inspection):
        wanted = _wanted(judged, address)
        if wanted is not None:
            yield _finding(inspection, judged, address, wanted)
    yield from _shared(inspection)


def _wanted(judged: JudgedLink, address: Address) -> str | None:
    """The scheme the URL should have; None when its own is right or cannot be judged."""
    need = judged.requirement
    if address.scheme not in urls.WEB_SCHEMES or address.effective_port is None:
        return None
    if judged.resolution.where not in (Where.LOCAL, Where.ALIAS) or not judged.reaches:
        return None
    if need.schemes is not None:
        if address.scheme in need.schemes or (not address.is_websocket and need.websocket):
            return None  # http for a WebSocket: libraries map it, so `url-malformed` warns
        return need.schemes[0]
    if need.secure is None or address.is_secure == need.secure:
        return None
    return (_TLS if need.secure else _PLAIN)[address.scheme]


def _finding(inspection: Inspection, judged: JudgedLink, address: Address, wanted: str) -> Finding:
    text = judged.effective.text or ""
    target = inspection.need_stack().services[judged.link.to]
    if judged.requirement.schemes is not None:
        reason = f"the link asks for {' or '.join(judged.requirement.schemes)}"
        instead = ", or correct `scheme` of the link"
    elif target.tls:
        reason, instead = f"{reach.named(judged.target)} serves TLS on that port", ""
    else:
        reason = f"{reach.named(judged.target)} speaks no TLS on that port"
        instead = f", or declare `tls = true` on {target.name} if it does serve TLS"
    why = (
        "No TLS handshake comes about (ERR_SSL_PROTOCOL_ERROR)"
        if address.is_secure
        else "The handshake fails"
    )
    return RULE.finding(
        f"{reach.name_of(judged)} is {reach.shown(text)}, but {reason}. {why}; {reach.seen(judged)}.",
        reach.place(inspection, judged),
        reach.declared(inspection, judged),
        service=judged.link.source.service,
        hint=f"write `{wanted}://`{instead}",
        fix=reach.rewrite(
            inspection, judged, f"change the scheme to {wanted}", reach.with_scheme(text, wanted)
        ),
    )


def _shared(inspection: Inspection) -> Iterator[Finding]:
    for shared in inspection.need_stack().shared.values():
        found = [
            each for each in inspection.contract.effective_all(shared.members) if each.is_known and each.text
        ]
        plain = [each for each in found if urls.parse(each.text or "").scheme == "ws"]
        secure = [each for each in found if urls.parse(each.text or "").scheme == "wss"]
        if not plain or not secure or not only_schemes_differ(found):
            continue  # other endpoints are `shared-mismatch`
        yield RULE.finding(
            f"Readers of shared `{shared.name}` use ws and wss for one endpoint: "
            f"`{evidence.label(plain[0].member)}` is {reach.shown(plain[0].text)}, "
            f"`{evidence.label(secure[0].member)}` is {reach.shown(secure[0].text)}. "
            "A port speaks either TLS or not, so one of them cannot connect.",
            evidence.place(inspection, plain[0]),
            *(evidence.place(inspection, each) for each in (*plain[1:], *secure)),
            service=plain[0].service,
            hint="use one address for all readers",
        )


RULE = Rule(id="DS205", name="url-scheme-mismatch", severity=Severity.ERROR, page=__doc__ or "", check=check)
