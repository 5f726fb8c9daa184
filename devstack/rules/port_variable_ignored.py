"""`PORT` in an env file of a Next service does nothing: Next binds its port before it reads env files.

## Why it matters
`next dev` listens on `-p`, else on an exported `PORT`, else on 3000. A `PORT=4000` in `.env` changes
neither, but the application then reads `process.env.PORT` and sees yet another number: the real one.
Gates and links that trust the file wait for a port where nobody listens.

## Example
```
web/.env           PORT=4000
web/package.json   "dev": "next dev"        # listens on 3000
```

## Mending
Remove the line; write the port into stack.toml (devstack passes `-p`) and, for other ways of starting,
into the script: `next dev -p 4000`. Where the line belongs to another service of the folder, nothing is
said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract.proxies import has_own_server
from devstack.env.model import LayerKind, Origin, Value
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.claims import Source, claims
from devstack.stack.model import Service, ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_NEXT_DEFAULT = 3000


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per Next service whose file names a port that Next will not take."""
    for service in inspection.services:
        environment = inspection.environment(service.name)
        if service.type is not ServiceType.NEXT or environment is None:
            continue
        if has_own_server(inspection.contract, service):
            continue  # it chooses its port itself
        written = _in_file(environment.variables.get("PORT"))
        if written is None or not written[0].isdecimal():
            continue
        text, origin = written
        listens, why = _listens_on(inspection, service)
        assert origin.path is not None
        if int(text) == listens or _is_for_another(inspection, service, origin.path, int(text)):
            continue
        yield RULE.finding(
            f"Next ignores `PORT={text}` in its env file: it binds before it loads the file, so `next dev` "
            f"listens on {listens} ({why}), and whoever waits for {text} waits in vain.",
            inspection.at_origin(origin, "PORT"),
            service=service.name,
            hint=f"remove the line and write `next dev -p {text}`, or `port = {text}` in stack.toml",
        )


def _in_file(value: Value | None) -> tuple[str, Origin] | None:
    """The text of the strongest definition in a file, wherever the effective value comes from."""
    if value is None:
        return None
    for text, origin in [
        (value.text, value.origin),
        *((shadow.text, shadow.origin) for shadow in value.shadows),
    ]:
        if origin.layer is LayerKind.FILE and origin.path is not None and text is not None:
            return text.strip(), origin
    return None


def _listens_on(inspection: Inspection, service: Service) -> tuple[int, str]:
    """Where the command itself listens, without what devstack adds."""
    for claim in claims(inspection, service):
        if claim.source is Source.COMMAND and claim.role == "main":
            return claim.port, f"{claim.words}"
    exported = inspection.process_env.get("PORT", "")
    if exported.isdecimal():
        return int(exported), "the exported PORT"
    return _NEXT_DEFAULT, "its default; only devstack passes another one"


def _is_for_another(inspection: Inspection, service: Service, path: Path, port: int) -> bool:
    """Whether another service reads this very file and its PORT."""
    real = inspection.real(path)
    for other in inspection.services:
        environment = inspection.environment(other.name)
        if other.name == service.name or environment is None:
            continue
        if not any(inspection.real(layer.path) == real for layer in environment.layers):
            continue
        if other.port == port:
            return True
        if other.type is not ServiceType.NEXT and "PORT" in inspection.read_names(other.name):
            return True
    return False


RULE = Rule(
    id="DS401", name="port-variable-ignored", severity=Severity.ERROR, page=__doc__ or "", check=check
)
