"""A secret or an address still holds the text of a template.

## Why it matters
`JWT_SECRET=change-me-in-production` works on one machine and is known to everybody who can read the repository:
anybody can sign a token. A placeholder address such as `wss://your-project.livekit.cloud` resolves to nothing.
When only one reader kept the placeholder, the readers disagree as well: that is an error.

What a copied example left in one file, and stack.toml does not speak of, is one finding.

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
from devstack.contract.spelling import intended
from devstack.env.model import LayerKind, Value
from devstack.env.secrets import Placeholder, is_publishable, is_secret_name, is_secret_reference, placeholder
from devstack.patterns import regex
from devstack.records import dataclass
from devstack.rules import evidence
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.envfiles import is_example
from devstack.rules.exposure import looks_real
from devstack.rules.signing import how_to_renew, is_chosen, wanted_bytes
from devstack.rules.wording import named

if TYPE_CHECKING:
    from pathlib import Path

    from devstack.contract.members import Effective
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Shared

# Passwords of local infrastructure: a default from the example is right beside its container.
_INFRASTRUCTURE = regex(
    r"(?:^|_)(?:POSTGRES\w*|PG\w*|DB|DATABASE|MYSQL|MARIADB|REDIS|MINIO|S3|RABBITMQ|MONGO\w*|AMQP|CLICKHOUSE"
    r"|ELASTIC\w*|TYPESENSE|MEILI\w*|LOCALSTACK|AWS|SMTP|MAIL\w*|NEO4J|QDRANT|WEAVIATE|KEYCLOAK)(?:_|$)"
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per placeholder that a service reads."""
    stack, split = inspection.need_stack(), _split_names(inspection)
    grouped: dict[tuple[object, ...], list[_Found]] = {}
    left: dict[Path | None, list[_Found]] = {}
    table = inspection.variables
    rows = table.secret | table.holding("://") | table.called(inspection.declared)
    for service, name, value in table.take(rows):
        is_declared = name in inspection.declared(service)
        judged = _judge(inspection, service, name, value, is_declared=is_declared)
        if judged is None or (stack.services[service].compose is not None and not is_declared):
            continue  # a `.env` beside a compose file reaches no container by itself
        what, is_host = judged
        shared = _group_of(inspection, service, name)
        is_needed = is_declared or (is_host and name in inspection.read_names(service))
        found = _Found(service=service, name=name, value=value, what=what, is_host=is_host, shared=shared)
        if is_needed:
            key = (service, name) if shared is None else (shared.name, value.text)
            grouped.setdefault(key, []).append(found)
        else:
            left.setdefault(value.origin.path, []).append(found)
    told = {each.value.origin for group in grouped.values() for each in group}
    rest = ([each for each in group if each.value.origin not in told] for group in left.values())
    for group in (*grouped.values(), *filter(None, rest)):
        yield _finding(inspection, group, split.get((group[0].service, group[0].name)))
    yield from _used_fallbacks(inspection)


def _split_names(inspection: Inspection) -> dict[tuple[str | None, str | None], Shared]:
    """(service, name) → the group, for members of groups whose values differ."""
    return {
        (each.service, each.name): shared
        for shared in inspection.need_stack().shared.values()
        if _is_split(inspection, shared)
        for each in inspection.contract.effective_all(shared.members)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A placeholder that a service reads; `what` completes "holds no real value: …"."""

    service: str
    name: str
    value: Value
    what: str
    is_host: bool
    shared: Shared | None


def is_told(inspection: Inspection, found: Effective) -> bool:
    """Whether this rule speaks of the value of a shared member."""
    if found.value is None or found.service is None or found.name is None:
        return False
    return _judge(inspection, found.service, found.name, found.value, is_declared=True) is not None


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
        return _placeholder_host(text, is_declared=name in inspection.declared(service))
    if not (is_secret_name(name) or is_declared) or is_publishable(name):
        return None
    found = placeholder(text, name)
    if found is not None:
        shared = _group_of(inspection, service, name)
        if shared is not None and wanted_bytes(shared, name) and is_chosen(text, name):
            return None  # `weak-secret`
        is_meant = _is_development_word(name, found) or not _is_written_so(inspection, name, value)
        return None if is_meant else (f"it is {found.reason}", False)
    if looks_real(name, text) or not is_secret_name(name) or _INFRASTRUCTURE.search(name):
        return None  # a real secret in the example is `example-holds-secret`
    if _is_example_value(inspection, service, value, name):
        return "it equals the value in the tracked example file, which everybody can read", False
    return None


def _is_development_word(name: str, found: Placeholder) -> bool:
    """A documented default beside its program, or a hurried word where it protects nothing of value."""
    if found.default_of is not None:
        return True
    if _INFRASTRUCTURE.search(name) is not None:
        return re.search("word|well-known", found.reason) is not None
    return "word" in found.reason and not is_secret_name(name)


def _placeholder_host(text: str, *, is_declared: bool) -> tuple[str, bool] | None:
    address = urls.parse(text)
    host = address.host
    if urls.is_example(host):
        return (
            ("its host is an example address, where nothing of yours answers", True) if is_declared else None
        )
    if any(placeholder(label) is not None and _is_telling(label) for label in host.split(".")):
        return "its host is a template's text, which resolves to nothing", True
    if "<" in text or _is_gap(address.password or ""):
        return "a part of it is a template's text", False
    return None


def _is_gap(password: str) -> bool:
    """A template's gap, not a word that may be the password of a local container."""
    found = placeholder(password)
    return found is not None and found.default_of is None and not re.search("word|well-known", found.reason)


def _is_written_so(inspection: Inspection, name: str, value: Value) -> bool:
    """Whether the line itself holds a placeholder: what a loader cut out of a real value is `value-mangled`."""
    line = evidence.written(inspection, name, value) or ""
    return "$" in line or placeholder(intended(line), name) is not None


def _is_telling(label: str) -> bool:
    """A host label that was certainly left over: `your-project`, `xxxx`, `<ref>`; not `test` or `demo`."""
    return bool(
        re.match(r"your?[-_a-z]|my[-_]?project|x{3,}$|\*+|<|replace|change[-_]?me|placeholder", label)
    )


def _is_example_value(inspection: Inspection, service: str, value: Value, name: str) -> bool:
    """Whether an example file beside the value's file gives the same text for the name."""
    if value.origin.path is None or len(value.text or "") < 4:
        return False
    for path in inspection.once(_examples).get(value.origin.path.parent, ()):
        file = inspection.env_file(path)
        for each in () if file is None else file.assignments:
            if each.name == name and intended(each.raw) == value.text:
                return True
    return False


def _examples(inspection: Inspection) -> dict[Path, list[Path]]:
    """Folder → its example files."""
    found: dict[Path, list[Path]] = {}
    for path in inspection.env_paths:
        if is_example(path.name):
            found.setdefault(path.parent, []).append(path)
    return found


def _is_split(inspection: Inspection, shared: Shared) -> bool:
    texts = [
        each.text for each in inspection.contract.effective_all(shared.members) if each.is_known and each.text
    ]
    stack = inspection.need_stack()
    return any(not is_same_endpoint(texts[0] or "", text or "", stack) for text in texts[1:])


def _finding(inspection: Inspection, group: list[_Found], split: Shared | None) -> Finding:
    """One finding for all readers of a group that hold the same text, and one for what a copied example left."""
    found = group[0]
    names = list(dict.fromkeys(each.name for each in group))
    if len(names) > 1 and found.shared is None:
        return _left_over(inspection, group, names)
    shown = evidence.shown(inspection, found.value.text, secret=not found.is_host, name=found.name)
    if found.is_host:
        seen = "The connection fails with a name that cannot be resolved; the browser shows 1006."
    elif urls.has_scheme(found.value.text or ""):
        seen = "Whoever is asked refuses it."
    elif split is not None:
        seen = (
            f"Other readers of shared `{split.name}` have another value, so they refuse each other's tokens."
        )
    else:
        seen = "Everybody who has seen the template knows it."
    return RULE.finding(
        f"`{found.name}` holds no real value ({shown}): {found.what}. {seen}",
        *(inspection.at_origin(each.value.origin, each.name) for each in group),
        severity=Severity.ERROR if found.is_host or split is not None else Severity.WARNING,
        service=found.service,
        hint="put the real address here" if found.is_host else _hint(found.shared),
    )


def _left_over(inspection: Inspection, group: list[_Found], names: list[str]) -> Finding:
    places = [inspection.at_origin(each.value.origin, each.name, note=each.what) for each in group]
    return RULE.finding(
        f"{named(names)} hold no real values: they are the texts of a template. "
        "Whoever needs one of them is refused, and everybody who has seen the template knows the secrets.",
        *places,
        service=group[0].service,
        hint="put the real values here, and empty or remove the lines that are not used",
    )


def _group_of(inspection: Inspection, service: str, name: str) -> Shared | None:
    for shared in inspection.need_stack().shared.values():
        for member in shared.members:
            if getattr(member, "service", None) == service and name in getattr(member, "names", ()):
                return shared
    return None


def _hint(shared: Shared | None) -> str:
    if shared is not None and shared.secret:
        return how_to_renew(shared)
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
