"""LiveKit's key and secret are swapped, or the development pair is used against a remote server.

## Why it matters
`devkey` and `secret` exist only in `livekit-server --dev`; LiveKit Cloud and any configured server answer 401. So
do swapped values. The client only says that it could not connect, and the agent retries without end.

## Example
```
agent/.env.local   LIVEKIT_URL=wss://demo.livekit.cloud
                   LIVEKIT_API_KEY=devkey
                   LIVEKIT_API_SECRET=secret
```

## Mending
Copy key and secret from the project's settings; the key is the short one that begins with `API`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.members import Effective
from devstack.env.secrets import is_secret_reference
from devstack.patterns import regex
from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import Reference

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_PAIR = ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
_KEY = regex(r"API[A-Za-z0-9]{8,20}")
_SECRET = regex(r"[A-Za-z0-9_-]{30,}")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per service."""
    inspection.need_stack()
    for service, environment in inspection.environments.items():
        read = (each.name for each in inspection.sources(service).reads)
        if not any(environment.get(name) for name in _PAIR) and not any(name in _PAIR for name in read):
            continue
        key, secret = (_effective(inspection, service, name) for name in _PAIR)
        if not key.text and not secret.text:
            continue
        if _is_swapped(key, secret):
            yield RULE.finding(
                f"`LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET` of {service} are swapped: the value that begins with "
                "`API` stands under the secret's name. LiveKit answers 401, the client cannot connect.",
                evidence.place(inspection, key),
                evidence.place(inspection, secret),
                service=service,
                hint="exchange the two values",
            )
        elif key.text == "devkey" or (secret.text == "secret" and not key.text):
            yield from _development_pair(inspection, service, key if key.text == "devkey" else secret)


def _effective(inspection: Inspection, service: str, name: str) -> Effective:
    return inspection.contract.effective(Reference(service=service, names=(name,), text=f"{service}:{name}"))


def _is_swapped(key: Effective, secret: Effective) -> bool:
    if not key.text or not secret.text or is_secret_reference(key.text):
        return False
    if not _KEY.fullmatch(secret.text) or _KEY.fullmatch(key.text):
        return False
    return bool(_SECRET.fullmatch(key.text))


def _development_pair(inspection: Inspection, service: str, found: Effective) -> Iterator[Finding]:
    url = _server(inspection, service)
    if url is None or not url.text or not urls.is_public(urls.parse(url.text).host):
        return
    yield RULE.finding(
        f"{service} uses the development credentials of `livekit-server --dev` against "
        f"`{urls.parse(url.text).host}`, which does not know them and answers 401. "
        "The client cannot connect and the agent never registers.",
        evidence.place(inspection, found),
        evidence.place(inspection, url, note="a remote server"),
        service=service,
        hint="put the project's own key and secret here, or point LIVEKIT_URL at the local server",
    )


def _server(inspection: Inspection, service: str) -> Effective | None:
    """The LiveKit server that the service talks to: its own variable, public ones included."""
    environment = inspection.environments[service]
    names = ["LIVEKIT_URL", *(name for name in environment.variables if name.endswith("_LIVEKIT_URL"))]
    for name in names:
        found = _effective(inspection, service, name)
        if found.text:
            return found
    return None


RULE = Rule(id="DS111", name="livekit-credentials", severity=Severity.ERROR, page=__doc__ or "", check=check)
