"""An example file holds a real secret.

## Why it matters
Examples are committed: whoever copied the working `.env` over the example published its secrets. New developers
copy the value and then share it, so it can never be replaced without breaking everybody.

## Example
```
.env.example   OPENAI_API_KEY=sk-proj-…       # a key that works
```

## Mending
Leave the value empty or write `change-me`, and replace the secret at its issuer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract.spelling import intended
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.envfiles import is_example
from devstack.rules.exposure import looks_real

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per line."""
    inspection.need_stack()
    for path in inspection.env_paths:
        file = inspection.env_file(path) if is_example(path.name) else None
        for each in () if file is None else file.assignments:
            text = intended(each.raw)
            if looks_real(each.name, text):
                user = _user(inspection, text)
                where = f", the one that {user} works with" if user else ""
                yield RULE.finding(
                    f"The example file gives `{each.name}` what looks like a real secret{where}. Examples are "
                    "committed, so everybody with a clone has it.",
                    inspection.at(path, each.line, variable=each.name),
                    hint=f"write `{each.name}=` without a value, and replace the secret at its issuer",
                )


def _user(inspection: Inspection, text: str) -> str | None:
    """The last variable whose program gets exactly this text."""
    rows = inspection.variables.take(inspection.variables.holding(text))
    users = [f"`{service}:{name}`" for service, name, value in rows if value.text == text]
    return users[-1] if users else None


RULE = Rule(id="DS309", name="example-holds-secret", severity=Severity.ERROR, page=__doc__ or "", check=check)
