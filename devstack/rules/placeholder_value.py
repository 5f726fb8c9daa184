"""A secret or an address still holds the text of a template.

## Why it matters
`JWT_SECRET=change-me-in-production` works on one machine and is known to everybody who can read the repository:
anybody can sign a token. A placeholder address such as `wss://your-project.livekit.cloud` resolves to nothing.
When only one reader kept the placeholder, the readers disagree as well: that is an error.

The whole value is judged. Documented development defaults beside their program (`devkey` of
`livekit-server --dev`, `postgres` of a local container) and example files are not meant.

## Example
```
ws/.env.example   JWT_SECRET=change-me-in-production
ws/.env           JWT_SECRET=change-me-in-production
```

## Mending
`devstack env rotate GROUP` writes one strong value to all members of a shared secret. Keys of other parties come
from their consoles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.links import is_same_endpoint
from devstack.contract.members import Provenance
from devstack.contract.needs import declared_names
from devstack.contract.spelling import intended
from devstack.env.model import LayerKind, Value
from devstack.env.secrets import is_publishable, is_secret_name, is_secret_reference, placeholder
from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.envfiles import is_example

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Shared

# Passwords of local infrastructure: a default from the example is right beside its container.
_INFRASTRUCTURE = re.compile(
    r"(?:^|_)(?:POSTGRES\w*|PG\w*|DB|DATABASE|MYSQL|MARIADB|REDIS|MINIO|S3|RABBITMQ|MONGO\w*|AMQP|CLICKHOUSE"
    r"|ELASTIC\w*|TYPESENSE|MEILI\w*|LOCALSTACK|AWS|SMTP|MAIL\w*|NEO4J|QDRANT|WEAVIATE|KEYCLOAK)(?:_|$)"
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per placeholder that a service reads."""
    stack = inspection.need_stack()
    split = {
        (each.service, each.name): shared
        for shared in stack.shared.values()
        if _is_split(inspection, shared)
        for each in inspection.contract.effective_all(shared.members)
    }
    for service, environment in inspection.environments.items():
        declared = declared_names(stack, service)
        for name, value in environment.variables.items():
            found = _judge(inspection, service, name, value, is_declared=name in declared)
            if found is not None:
                what, is_host = found
                yield _finding(inspection, service, name, value, what, is_host, split.get((service, name)))
    yield from _used_fallbacks(inspection)


def _judge(
    inspection: Inspection, service: str, name: str, value: Value, *, is_declared: bool
) -> tuple[str, bool] | None:
    """Why the value is a placeholder and whether it is an address; None when it is not one."""
    text = value.text
    if not text or value.unknown is not None or is_secret_reference(text):
        return None
    if (
        value.origin.layer is not LayerKind.FILE
        or value.origin.path is None
        or is_example(value.origin.path.name)
    ):
        return None
    if urls.has_scheme(text):
        return _placeholder_host(name, text, is_declared=is_declared)
    if not (is_secret_name(name) or is_declared) or is_publishable(name):
        return None
    found = placeholder(text, name)
    if found is not None:
        is_told = found.default_of is not None or (not is_secret_name(name) and "word" in found.reason)
        return None if is_told else (f"it is {found.reason}", False)
    if (
        is_secret_name(name)
        and not _INFRASTRUCTURE.search(name)
        and _is_example_value(inspection, service, value, name)
    ):
        return "it equals the value in the tracked example file, which everybody can read", False
    return None


def _placeholder_host(name: str, text: str, *, is_declared: bool) -> tuple[str, bool] | None:
    address = urls.parse(text)
    host = address.host
    is_example_host = bool(re.search(r"(?:^|\.)example(?:\.(?:com|org|net))?$", host))
    if is_example_host:
        return ("its host is an example address, where nothing answers", True) if is_declared else None
    if any(placeholder(label) is not None and _is_telling(label) for label in host.split(".")):
        return "its host is a template's text, which resolves to nothing", True
    if "<" in text or "your-" in (address.password or "") or "your_" in (address.password or ""):
        return "it holds a template's text", True
    return None


def _is_telling(label: str) -> bool:
    """A host label that was certainly left over: `your-project`, `xxxx`, `<ref>`; not `test` or `demo`."""
    return bool(
        re.match(r"your?[-_a-z]|my[-_]?project|x{3,}$|\*+|<|replace|change[-_]?me|placeholder", label)
    )


def _is_example_value(inspection: Inspection, service: str, value: Value, name: str) -> bool:
    """Whether an example file beside the value's file gives the same text for the name."""
    if value.origin.path is None or len(value.text or "") < 4:
        return False
    folder = value.origin.path.parent
    for path in inspection.env_paths:
        if is_example(path.name) and path.parent == folder:
            file = inspection.env_file(path)
            for each in () if file is None else file.assignments:
                if each.name == name and intended(each.raw) == value.text:
                    return True
    return False


def _is_split(inspection: Inspection, shared: Shared) -> bool:
    texts = [
        each.text for each in inspection.contract.effective_all(shared.members) if each.is_known and each.text
    ]
    stack = inspection.need_stack()
    return any(not is_same_endpoint(texts[0] or "", text or "", stack) for text in texts[1:])


def _finding(
    inspection: Inspection,
    service: str,
    name: str,
    value: Value,
    what: str,
    is_host: bool,
    split: Shared | None,
) -> Finding:
    shown = evidence.shown(inspection, value.text, secret=not is_host, name=name)
    if is_host:
        seen = "The connection fails with a name that cannot be resolved; the browser shows 1006."
    elif split is not None:
        seen = (
            f"Other readers of shared `{split.name}` have another value, so they refuse each other's tokens."
        )
    else:
        seen = "Everybody who has seen the template knows it."
    shared = _group_of(inspection, service, name)
    return RULE.finding(
        f"`{name}` holds no real value ({shown}): {what}. {seen}",
        inspection.at_origin(value.origin, name),
        severity=Severity.ERROR if is_host or split is not None else Severity.WARNING,
        service=service,
        hint="put the real address here" if is_host else _hint(shared),
    )


def _group_of(inspection: Inspection, service: str, name: str) -> Shared | None:
    for shared in inspection.need_stack().shared.values():
        for member in shared.members:
            if getattr(member, "service", None) == service and name in getattr(member, "names", ()):
                return shared
    return None


def _hint(shared: Shared | None) -> str:
    if shared is not None and shared.secret:
        return f"`devstack env rotate {shared.name}` writes one strong value to all its readers"
    return "put the real value here, or remove the line if it is not used"


def _used_fallbacks(inspection: Inspection) -> Iterator[Finding]:
    """Shared secrets whose reader ends in a literal of its source that is a placeholder."""
    for shared in inspection.need_stack().shared.values():
        if not evidence.is_secret(shared):
            continue
        for each in inspection.contract.effective_all(shared.members):
            if each.provenance is not Provenance.FALLBACK or not each.text:
                continue
            found = placeholder(each.text, each.name or "")
            if found is None or found.default_of is not None:
                continue
            yield RULE.finding(
                f"{each.service} works with the placeholder in its source, because `{each.name}` gives it nothing: "
                f"it is {found.reason}.",
                evidence.place(inspection, each),
                severity=Severity.ERROR if _is_split(inspection, shared) else Severity.WARNING,
                service=each.service,
                hint=f"set `{each.name}` for {each.service}, and let the source stop when it is missing",
            )


RULE = Rule(id="DS106", name="placeholder-value", severity=Severity.WARNING, page=__doc__ or "", check=check)
