"""Links as URL rules see them: decided values with their places, and the one change that mends them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import links, urls
from devstack.contract.links import JudgedLink, Target
from devstack.contract.members import Provenance
from devstack.contract.spelling import intended
from devstack.contract.urls import Address, UrlFault
from devstack.env.model import LayerKind
from devstack.env.secrets import mask_url, placeholder
from devstack.rules import evidence
from devstack.rules.base import Edit, Fix, Location

if TYPE_CHECKING:
    from devstack.env.model import Value
    from devstack.rules.inspection import Inspection


def decided(inspection: Inspection) -> Iterator[JudgedLink]:
    """Links whose variable gives a URL; fallbacks of the source have a rule of their own."""
    inspection.need_stack()
    for each in links.judged(inspection.contract):
        if each.address is not None and each.effective.provenance is Provenance.ENVIRONMENT:
            yield each


def sound(inspection: Inspection) -> Iterator[tuple[JudgedLink, Address]]:
    """Decided links whose URL is well formed and holds no template's text."""
    for each in decided(inspection):
        address = each.address
        if address is None or address.relative or address.faults:
            continue  # `url-malformed` comes first
        if is_template(address):
            continue
        yield each, address


def is_template(address: Address) -> bool:
    """Whether the host is a placeholder: that finding says all."""
    return (
        "<" in address.host
        or urls.is_example(address.host)
        or any(
            re.match(r"your?[-_a-z]", label) and placeholder(label) is not None
            for label in address.host.split(".")
        )
    )


def place(inspection: Inspection, judged: JudgedLink) -> Location:
    """Where the link's value stands."""
    return evidence.place(inspection, judged.effective)


def declared(inspection: Inspection, judged: JudgedLink) -> Location:
    """Where stack.toml declares the link."""
    return inspection.at_key(judged.key, note=f"must reach {named(judged.target)}")


def named(target: Target) -> str:
    """`ws` or `web.hmr`."""
    return f"`{target.service}`" if target.role == "main" else f"`{target.service}.{target.role}`"


def name_of(judged: JudgedLink) -> str:
    """The variable people see, in backticks."""
    return f"`{judged.effective.name}`"


def shown(text: str | None) -> str:
    """A URL with its secrets masked, in backticks."""
    return f"`{mask_url(text or '')}`"


def seen(judged: JudgedLink) -> str:
    """What a person sees of a failed connection: a page's console names less than a program's log."""
    if not judged.requirement.browser:
        return "the client reports it in its log"
    is_socket = judged.requirement.websocket or (judged.address is not None and judged.address.is_websocket)
    return "the browser shows 1006" if is_socket else "the browser shows a failed request"


def written_with_hash(inspection: Inspection, name: str, value: Value | None) -> str | None:
    """The URL as written where a reader cut it at a `#` that no quotes would save; None otherwise.

    A WebSocket URL may have no fragment, and in a password a `#` ends the authority for every URL parser.
    """
    if value is None or value.text is None or "#" in value.text:
        return None
    line = intended(evidence.written(inspection, name, value) or "")
    start, hash_, rest = line.partition("#")
    if not hash_ or not urls.has_scheme(line) or start.rstrip() != value.text:
        return None
    is_in_password = "@" in rest.partition("/")[0] and "/" not in start.partition("://")[2]
    return line if is_in_password or urls.parse(line).is_websocket else None


def rewrite(inspection: Inspection, judged: JudgedLink, title: str, value: str) -> Fix | None:
    """Another URL at the same place. Never safe: which side is right only a person knows."""
    found = judged.effective.value
    if (
        found is None
        or found.origin.layer is not LayerKind.FILE
        or found.origin.path is None
        or found.references
    ):
        return None
    path = inspection.shown(found.origin.path)
    edit = Edit(kind="set", path=path, variable=judged.effective.name, line=found.origin.line, value=value)
    return Fix(title=title, safe=False, edits=(edit,))


def to_port(inspection: Inspection, judged: JudgedLink, port: int) -> Fix | None:
    """The same URL with this port, at the same place; None when that cannot be done safely."""
    if judged.address is None:
        return None
    changed = with_port(judged.effective.text or "", judged.address, port)
    return None if changed is None else rewrite(inspection, judged, f"change the port to {port}", changed)


def with_port(text: str, address: Address, port: int) -> str | None:
    """The URL with another port, everything else as it was written; None when that cannot be done safely."""
    return _with_authority(text, address, rf"\g<host>:{port}")


def with_host(text: str, address: Address, host: str) -> str | None:
    """The URL with another host name, likewise."""
    return _with_authority(text, address, rf"{host}\g<port>")


def _with_authority(text: str, address: Address, wanted: str) -> str | None:
    if "@" in text or UrlFault.SPACES in address.faults:
        return None
    host = re.escape(urls.bracketed(address.host))
    changed, count = re.subn(
        rf"(?i)(?<=//)(?P<host>{host})(?P<port>(?::\d+)?)(?=[/?#]|$)", wanted, text, count=1
    )
    return changed if count else None


def with_scheme(text: str, scheme: str) -> str:
    """The URL with another scheme."""
    return re.sub(r"^\s*[A-Za-z][\w+.-]*:/*", f"{scheme}://", text)


def port_of(inspection: Inspection, target: Target) -> int | None:
    """The number of a declared port."""
    service = inspection.need_stack().services[target.service]
    return next((each.number for each in service.all_ports if each.role == target.role), None)
