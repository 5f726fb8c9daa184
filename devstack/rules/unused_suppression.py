"""A suppression that suppresses nothing, names no rule, or gives no reason.

## Why it matters
A suppression that outlived its finding hides the next real one at the same place. One without a reason makes
the next person wonder whether it is safe to remove; it is not obeyed.

## Example
```sh
# devstack: ignore[placeholder-value] public demo key of the sandbox
PAYMENT_KEY=sk_live_was_replaced_long_ago
```

## Mending
Remove the comment (or the entry of `[doctor] ignore`), correct the rule's name, or add the reason after the
bracket. A comment stands on a line of its own, above the line that it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from devstack.nearest import did_you_mean
from devstack.rules.base import Finding, Location, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """Nothing by itself: only the engine knows, after all rules, what was not needed."""
    yield from ()


def findings(wishes: Iterable[tuple[str, Location]], ran: set[str]) -> Iterator[Finding]:
    """One finding per suppression (rule as written, place) that did nothing although its rule ran."""
    for written, place in wishes:  # mostly there are none: then the rules need not be loaded
        from devstack.env.redact import without_credentials
        from devstack.rules.catalogue import CATALOGUE, find

        rule = find(written)
        if rule is None:
            hint = did_you_mean(
                written, [entry.name for entry in CATALOGUE], "`devstack explain` lists the rules"
            )
            yield RULE.finding(
                f"there is no rule `{without_credentials(written)}` to suppress", place, hint=hint
            )
        elif rule.name in ran:
            yield RULE.finding(
                f"nothing here breaks `{rule.name}` any more, so this suppression can only hide a new fault",
                place,
                hint="remove it",
            )


def without_reason(written: str, place: Location) -> Finding:
    """A suppression that is not obeyed because it gives no reason."""
    return RULE.finding(
        f"this suppression of `{written}` gives no reason, so it is not obeyed",
        place,
        hint="write the reason after the bracket",
    )


def malformed(place: Location) -> Finding:
    """A comment that looks like a suppression and is none."""
    return RULE.finding(
        "this suppression is not understood, so it is not obeyed",
        place,
        hint="write `# devstack: ignore[rule-name] the reason` on a line of its own, above the one that is meant",
    )


RULE = Rule(id="DS008", name="unused-suppression", severity=Severity.WARNING, page=__doc__ or "", check=check)
