"""The URL that a link's variable would need, where it has none: worked out from what stack.toml declares."""

from __future__ import annotations

from collections.abc import Iterator

from devstack.contract import urls
from devstack.contract.links import JudgedLink, judged
from devstack.contract.members import Facts, Provenance
from devstack.stack.model import Reference, Stack


def missing(facts: Facts) -> Iterator[tuple[JudgedLink, str]]:
    """Links whose variable certainly gives nothing, or only a URL in source that leads elsewhere, each with its URL."""
    for one in judged(facts):
        source = one.link.source
        if isinstance(source, Reference) and source.part is None and _lacks_one(one):
            url = _url(one, facts.stack)
            if url is not None:
                yield one, url


def _lacks_one(one: JudgedLink) -> bool:
    found = one.effective
    is_elsewhere = found.is_known and not one.reaches and urls.has_scheme(found.text or "")
    return found.is_nothing or (found.provenance is Provenance.FALLBACK and is_elsewhere)


def _url(one: JudgedLink, stack: Stack) -> str | None:
    """None where the declaration does not say enough: no port, another's scheme, somebody else's server."""
    service, wanted = stack.services[one.link.to], one.requirement
    port = next((each.number for each in service.all_ports if each.role == one.link.role), None)
    scheme = _scheme(one)
    if port is None or scheme is None:
        return None
    listens_on = urls.ip(service.host or "")
    host = "localhost" if listens_on is None or listens_on.is_unspecified else str(listens_on)
    path = (wanted.path or "").lstrip("/")
    return f"{scheme}://{urls.bracketed(host)}:{port}{'/' if path else ''}{path}"


def _scheme(one: JudgedLink) -> str | None:
    wanted = one.requirement
    if wanted.schemes:
        secure = [scheme for scheme in wanted.schemes if scheme in urls.SECURE]
        return (secure or wanted.schemes)[0] if wanted.secure else wanted.schemes[0]
    if wanted.secure is None or (one.link.schemes and "any" in one.link.schemes):
        return None
    return ("ws" if wanted.websocket else "http") + ("s" if wanted.secure else "")
