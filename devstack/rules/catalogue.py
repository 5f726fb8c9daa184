"""Every rule, in the order of the ids. A new rule is one module plus one line here.

A rule module is named like its rule (`shared-mismatch` → `shared_mismatch.py`) and holds

- its page as docstring: a first line that says what is found, then the sections `## Why it matters`,
  `## Example` and `## Mending` (markdown; `docs/rules.md` and `devstack explain` print it),
- `check(inspection: Inspection) -> Iterator[Finding]`, which may raise `Skip(reason)`,
- `RULE = Rule(id=…, name=…, severity=…, page=__doc__, check=check)`.

`tests/rules/<rule-name>/good` and `…/bad` hold at least one case each (format: tests/rules/casefile.py).
"""

from __future__ import annotations

from devstack.rules import stack_file_invalid, unused_suppression
from devstack.rules.base import Rule

CATALOGUE: tuple[Rule, ...] = (
    # DS0 stack and tools
    stack_file_invalid.RULE,
    unused_suppression.RULE,
    # DS1 secrets and shared values
    # DS2 URLs, links, origins
    # DS3 exposure
    # DS4 ports
    # DS5 env files
    # DS6 running
    # DS7 drift
)


def find(handle: str) -> Rule | None:
    """The rule with this name or id (any case)."""
    wanted = handle.lower()
    return next((rule for rule in CATALOGUE if wanted in (rule.name, rule.id.lower())), None)
