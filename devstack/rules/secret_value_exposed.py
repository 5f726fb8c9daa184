"""A public variable holds, or contains, the value of a secret.

## Why it matters
The name is innocent, the value is not: the bundler copies it into the JavaScript of every visitor. It happens when
a value is pasted under a second name, or a URL with a password is made public.

## Example
```
web/.env   JWT_SECRET=0f1e…
           VITE_TOKEN=0f1e…       # the same value, published
```

## Mending
Remove the public variable, and replace the secret: it may be out already.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.env.secrets import is_publishable, placeholder
from devstack.records import dataclass
from devstack.rules import evidence
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.exposure import is_exposed_secret, shared_secrets

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_EQUAL, _INSIDE = 6, 12  # characters below which an equal or contained text proves nothing


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Secret:
    """A secret's text and where it stands."""

    text: str
    label: str
    place: Location


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per public variable."""
    declared = shared_secrets(inspection.need_stack())
    secrets: list[Secret] | None = None
    for service, name, value in inspection.variables.take(inspection.variables.public):
        text = value.text or ""
        if value.origin.layer is not LayerKind.FILE or not text:
            continue
        if is_exposed_secret(name, text) or is_publishable(name, text) or (service, name) in declared:
            continue
        secrets = list(_secrets(inspection)) if secrets is None else secrets
        secret = next((each for each in secrets if _holds(text, each.text)), None)
        if secret is not None:
            how = "is" if text == secret.text else "contains"
            yield RULE.finding(
                f"`{name}` reaches the browser and {how} the value of the secret {secret.label} "
                f"({evidence.shown(inspection, secret.text)}): everybody who opens the page can read it.",
                inspection.at_origin(value.origin, name),
                secret.place,
                service=service,
                hint="remove the public variable, and replace the secret",
            )


def _secrets(inspection: Inspection) -> Iterator[Secret]:
    for shared in inspection.need_stack().shared.values():
        for each in inspection.contract.effective_all(shared.members) if shared.secret else ():
            if each.text and each.is_known and _is_telling(each.text, each.name or ""):
                yield Secret(
                    text=each.text,
                    label=f"`{evidence.label(each.member)}`",
                    place=evidence.place(inspection, each, note="the secret"),
                )
    hidden = inspection.variables.secret - inspection.variables.public
    for service, name, value in inspection.variables.take(hidden):
        if value.origin.layer is not LayerKind.FILE or not value.text:
            continue
        if not is_publishable(name, value.text) and _is_telling(value.text, name):
            place = inspection.at_origin(value.origin, name, note="the secret")
            yield Secret(text=value.text, label=f"`{service}:{name}`", place=place)


def _is_telling(text: str, name: str) -> bool:
    """A real value: words and defaults stand in many places by chance."""
    return (
        len(text) >= _EQUAL
        and placeholder(text, name) is None
        and not text.isdigit()
        and "://" not in text
        and not name.upper().endswith("LIVEKIT_API_KEY")  # the name of a key pair; tokens carry it openly
    )


def _holds(text: str, secret: str) -> bool:
    return text == secret or (len(secret) >= _INSIDE and secret in text)


RULE = Rule(id="DS302", name="secret-value-exposed", severity=Severity.ERROR, page=__doc__ or "", check=check)
