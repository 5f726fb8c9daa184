"""A URL is not one: no scheme, one slash, spaces, quotes, a port that is no number, a fragment in a WebSocket URL.

## Why it matters
`localhost:3001` is read as scheme `localhost:`, `wss:/host` as a path, and `new WebSocket()` throws a SyntaxError
while the page loads. A fragment is forbidden in WebSocket URLs. `http://` for a WebSocket works where a library or
a new browser maps it, and throws elsewhere: a warning.

## Example
```
web/.env   VITE_WS_URL=localhost:3001
```

## Mending
Write scheme, two slashes, host and port: `ws://localhost:3001`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import hosts, urls
from devstack.contract.links import JudgedLink
from devstack.contract.needs import link_references
from devstack.contract.urls import Address, UrlFault
from devstack.env.model import LayerKind, Value
from devstack.patterns import regex
from devstack.rules import reach
from devstack.rules.base import Finding, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_URL_NAME = regex(r"(?:^|_)(?:URL|URI|ENDPOINT|ORIGIN|WS|WSS|WEBSOCKET)(?:_|$)")
# Faults that no reading of the text can excuse, whatever the variable is for.
_CERTAIN = (
    UrlFault.SLASHES,
    UrlFault.TWO_SCHEMES,
    UrlFault.BAD_PORT,
    UrlFault.UNKNOWN_SCHEME,
    UrlFault.FRAGMENT,
    UrlFault.BRACKETS,
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per value: of links first, then of other variables that hold a web address."""
    stack = inspection.need_stack()
    for judged in reach.decided(inspection):
        if judged.address is not None:
            yield from _link(inspection, judged, judged.address)
    linked = {
        (each.service, name) for link in stack.links for each in link_references(link) for name in each.names
    }
    for service, name, value in inspection.variables.take(inspection.variables.holding(":/")):
        if (service, name) not in linked and value.origin.layer is LayerKind.FILE:
            yield from _other(inspection, service, name, value)


def _link(inspection: Inspection, judged: JudgedLink, address: Address) -> Iterator[Finding]:
    name, value = judged.effective.name or "", judged.effective.value
    if value is not None and reach.written_with_hash(inspection, name, value) is not None:
        yield _cut(inspection, judged.link.source.service, name, value)
        return
    faults = _faults(judged, address)
    if faults and not _is_from_reference(judged.effective.value):
        yield RULE.finding(
            f"{reach.name_of(judged)} is no URL that a program can dial: {_listed(faults)}. {_seen(judged)}",
            reach.place(inspection, judged),
            reach.declared(inspection, judged),
            service=judged.link.source.service,
            hint=_hint(inspection, judged, address),
        )
    elif judged.requirement.websocket and address.scheme in ("http", "https"):
        entry = hosts.find(address.host)
        if entry is None or entry.websocket != "no":  # else `host-without-websocket`: no scheme would help
            yield _http_for_a_socket(inspection, judged, address)


def _http_for_a_socket(inspection: Inspection, judged: JudgedLink, address: Address) -> Finding:
    wanted = "wss" if address.is_secure else "ws"
    text = reach.with_scheme(judged.effective.text or "", wanted)
    return RULE.finding(
        f"{reach.name_of(judged)} is used for a WebSocket but begins with `{address.scheme}://`. New browsers and "
        "some libraries map it, others throw a SyntaxError: it works here and fails there.",
        reach.place(inspection, judged),
        reach.declared(inspection, judged),
        severity=Severity.WARNING,
        service=judged.link.source.service,
        hint=f"write `{wanted}://`; for socket.io or an HTTP API declare `scheme` on the link",
        fix=reach.rewrite(inspection, judged, f"change the scheme to {wanted}", text),
    )


def _faults(judged: JudgedLink, address: Address) -> list[UrlFault]:
    """Faults that matter for this link: brokers and hosts are often written without a scheme."""
    if judged.link.schemes is not None and "any" in judged.link.schemes:
        return []
    faults = list(address.faults)
    text = judged.effective.text or ""
    if not re.search(r"\s", text.strip()) and text.strip(" ") != text.strip():
        # `invisible-characters` names it.
        faults = [fault for fault in faults if fault is not UrlFault.SPACES]
    is_url = _URL_NAME.search((judged.effective.name or "").upper()) or judged.requirement.browser
    if not is_url:
        faults = [fault for fault in faults if fault is not UrlFault.NO_SCHEME]
    return faults


def _is_from_reference(value: Value | None) -> bool:
    """Whether a reference that gave nothing tore the URL: `unresolved-reference` names it."""
    return value is not None and "$" in f"{value.raw or ''}{value.text or ''}"


def _listed(faults: list[UrlFault]) -> str:
    return ", and ".join(fault.value for fault in faults)


def _seen(judged: JudgedLink) -> str:
    if judged.requirement.browser:
        return "The page throws a SyntaxError when it opens the connection."
    return "The client refuses it, or dials something else."


def _hint(inspection: Inspection, judged: JudgedLink, address: Address) -> str:
    scheme = address.scheme if address.scheme in urls.WEB_SCHEMES else None
    if scheme is None:
        scheme = "ws" if judged.requirement.websocket else "http"
        scheme = {"ws": "wss", "http": "https"}[scheme] if judged.requirement.secure else scheme
    if "@" in (judged.effective.text or ""):  # the parts of a torn URL are pieces of its password
        return f"write `{scheme}://user:password@host:port`, with `/`, `?`, `#` and `@` of the password percent-encoded"
    number = reach.port_of(inspection, judged.target) if UrlFault.BAD_PORT in address.faults else address.port
    port = "" if number is None else f":{number}"
    host = urls.bracketed(address.host) or "host"
    return f"write `{scheme}://{host}{port}{address.path}`"


def _cut(inspection: Inspection, service: str, name: str, value: Value) -> Finding:
    """A `#` that no quotes would save: a fragment of a WebSocket URL, a sign of a password."""
    is_fragment = urls.parse(value.text or "").is_websocket and "@" not in (value.raw or "")
    what = "WebSocket URLs may have no fragment" if is_fragment else "in a URL it must be percent-encoded"
    left = (
        f"{service} gets {reach.shown(value.text)}"
        if is_fragment
        else f"{service} gets what stands before it"
    )
    return RULE.finding(
        f"`{name}` holds a `#`: {what}. Here it even begins a comment, so {left}; in quotes a client would not dial "
        "what is meant either.",
        inspection.at_origin(value.origin, name),
        service=service,
        hint="leave the fragment out; what the server must know belongs into the path or the query"
        if is_fragment
        else "write `%23` for the `#`",
    )


def _other(inspection: Inspection, service: str, name: str, value: Value) -> Iterator[Finding]:
    """Unlinked variables: only text that is certainly meant as a web address and certainly none."""
    text = value.text or ""
    if reach.written_with_hash(inspection, name, value) is not None:
        yield _cut(inspection, service, name, value)
        return
    if value.unknown is not None or _is_from_reference(value) or not _URL_NAME.search(name.upper()):
        return
    if not re.match(r"\s*(?:https?|wss?):/", text, re.IGNORECASE) or re.search("[,<*]", text):
        return
    address = urls.parse(text)
    faults = [fault for fault in address.faults if fault in _CERTAIN]
    if faults and not reach.is_template(address):
        yield RULE.finding(
            f"`{name}` is no URL that a program can dial: {_listed(faults)}.",
            inspection.at_origin(value.origin, name),
            service=service,
            hint="leave the fragment out"
            if faults == [UrlFault.FRAGMENT]
            else "write scheme, two slashes, host and port",
        )


RULE = Rule(id="DS206", name="url-malformed", severity=Severity.ERROR, page=__doc__ or "", check=check)
