"""A service's list of allowed origins lacks the frontend's real origin.

## Why it matters
The browser sends `Origin: http://localhost:5173`. A server that allows only `http://localhost:3000` answers without
the CORS header or refuses the upgrade: the console shows a CORS error, or 403 and 1006 for a WebSocket.

Only `[[origins]]` of stack.toml are judged. `localhost` and `127.0.0.1` spellings are both accepted, wildcards and
patterns are followed, an unset variable says nothing.

Most servers (Express's and Fastify's cors, Starlette, socket.io, `origins.includes(origin)`) compare letter by letter:
`http://localhost:5173/`, `http://Localhost:5173` and `localhost:5173` let nobody in. Where the source takes the entry
apart or cuts the slash off, that is no finding.

## Example
```
ws/.env      CORS_ORIGIN=http://localhost:3000
stack.toml   [services.web] port = 5173
```

## Mending
Add the frontend's origin to the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.contract import urls
from devstack.patterns import regex
from devstack.rules import evidence, reach
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import Reference

if TYPE_CHECKING:
    from devstack.contract.members import Effective
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

# Code that compares parts of the entry, or makes an origin of it.
_TAKES_APART = regex(
    r"strip\(\s*['\"]/|removesuffix\(\s*['\"]/|replace\(\s*/\\/|\.slice\(0,\s*-1\)|endsWith\(|endswith\("
    r"|new URL\(\s*(?!req\b|request\b|`|['\"])|\)\.(?:origin|hostname|host)\b|url(?:parse|split)\("
    r"|toLowerCase\(|\.lower\(|startsWith\(|startswith\(|https?://\$\{|f['\"]https?://\{"
)
# Middleware, and a plain comparison, that take an entry as it is.
_COMPARES = regex(
    r"CORSMiddleware|\bcors\b|\bCORS\(|enableCors|handleProtocols|verifyClient|\.includes\("
    r"|\borigin\s*(?:===?|!==?|in|not in)\b|headers(?:\.origin|\[['\"]origin['\"]\]|\.get\(['\"]origin['\"]\))"
)
_OTHER_NAMES = ("localhost", "127.0.0.1", "[::1]")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per allow-list and frontend."""
    stack = inspection.need_stack()
    for index, origins in enumerate(stack.origins):
        found = inspection.contract.effective(origins.source)
        if not found.is_known or not found.text:
            continue
        entries = allowed_entries(found.text)
        if entries is None:
            continue
        for name in origins.allows:
            service = stack.services.get(name)
            if service is None or service.port is None:
                continue
            let_in = [each for each in entries if any(allows(each, origin) for origin in origins_of(service))]
            if not let_in:
                yield _finding(inspection, index, found, service, entries)
            elif not any(is_spelt_so(each, origin) for each in let_in for origin in origins_of(service)):
                yield from _other_spelling(inspection, index, found, service, let_in[0])


def origins_of(service: Service) -> tuple[str, ...]:
    """The origins under which a browser on this machine may open the frontend; the usual one first."""
    scheme = "https" if service.tls else "http"
    hosts = [*_OTHER_NAMES, *(host for host in service.hosts)]
    default = 443 if service.tls else 80
    port = "" if service.port == default else f":{service.port}"
    return tuple(f"{scheme}://{host}{port}" for host in hosts)


def allowed_entries(text: str) -> tuple[str, ...] | None:
    """The entries of a list as people write it: JSON, commas, semicolons or spaces; None when unreadable."""
    bare = text.strip()
    if bare.startswith("["):
        loaded = foreign.from_json(bare.replace("'", '"'))
        return tuple(str(entry) for entry in loaded) if isinstance(loaded, list) else None
    if bare.lower() in ("true", "false", "none", "null", "self", "same-origin"):
        return None
    return tuple(entry.strip("\"'") for entry in re.split(r"[,;\s]+", bare) if entry)


def allows(entry: str, origin: str) -> bool:
    """Whether an entry lets an origin in. What cannot be decided counts as allowing."""
    if entry == "*":
        return True
    if entry.startswith("/") or re.search(r"[\\^$(|]", entry):
        try:
            return re.search(entry.strip("/"), origin) is not None
        except re.error:
            return True
    wanted = urls.parse(origin)
    if not urls.has_scheme(entry):
        host, _, port = entry.partition(":")
        return host in ("", wanted.host, "*") and port in ("", "*", str(wanted.port))
    if "*" in entry:
        return fnmatchcase(origin, entry.rstrip("/"))
    given = urls.parse(entry)
    return (given.scheme, given.host, given.effective_port) == (
        wanted.scheme,
        wanted.host,
        wanted.effective_port,
    )


def is_spelt_so(entry: str, origin: str) -> bool:
    """Whether an entry that means the origin is also its text, as browsers send it, or a pattern for it."""
    return entry == origin or "*" in entry or re.search(r"^/|[\\^$(|]", entry) is not None


def _other_spelling(
    inspection: Inspection, index: int, found: Effective, service: Service, entry: str
) -> Iterator[Finding]:
    """The origin is there and spelt as no browser sends it: a finding unless the program takes the entry apart."""
    texts = _readers(inspection, found)
    if any(_TAKES_APART.search(text) for text in texts):
        return
    is_certain = any(_COMPARES.search(text) for text in texts)
    has_scheme = urls.has_scheme(entry)
    if not has_scheme and not is_certain:
        return  # a list of hosts, or of what the program puts together itself
    origin = next(each for each in origins_of(service) if allows(entry, each))
    yield RULE.finding(
        f"`{found.name}` holds {reach.shown(entry)}, but the browser sends `Origin: {origin}`, and servers compare the "
        "two letter by letter. It reports a CORS error, and a WebSocket is refused with 403, which it shows as 1006.",
        evidence.place(inspection, found),
        inspection.at_key(f"origins.{index}", note=f"must allow {service.name}"),
        severity=Severity.ERROR if is_certain else Severity.WARNING,
        service=found.service,
        hint=f"write `{origin}`: a scheme, the host in small letters, no slash at the end, no default port",
    )


def _readers(inspection: Inspection, found: Effective) -> list[str]:
    """Texts of the modules that read the list."""
    if not isinstance(found.member, Reference):
        return []
    index = inspection.sources(found.member.service)
    reads = (*index.reads, *index.packages)
    paths = dict.fromkeys(read.path for read in reads if read.name in found.member.names)
    return [inspection.read_text(inspection.root / path) or "" for path in paths]


def _finding(
    inspection: Inspection, index: int, found: Effective, service: Service, entries: tuple[str, ...]
) -> Finding:
    origin = origins_of(service)[0]
    shown = ", ".join(
        f"`{urls.parse(entry).shown}`" if urls.has_scheme(entry) else "another text" for entry in entries[:4]
    )
    return RULE.finding(
        f"`{found.name}` allows {shown}, but pages of `{service.name}` come from `{origin}`. The browser reports a "
        f"CORS error, and a WebSocket is refused with 403, which it shows as 1006.",
        evidence.place(inspection, found),
        inspection.at_port(service.name, note=f"{service.name} is served from {origin}"),
        inspection.at_key(f"origins.{index}", note=f"must allow {service.name}"),
        service=found.service,
        hint=f"add `{origin}` to the list",
    )


RULE = Rule(id="DS209", name="origin-not-allowed", severity=Severity.ERROR, page=__doc__ or "", check=check)
