"""Every rule, loaded, in the order of the ids; `roster` lists them."""

from __future__ import annotations

from devstack.rules import roster
from devstack.rules.base import Rule

CATALOGUE: tuple[Rule, ...] = roster.rules()


def find(handle: str) -> Rule | None:
    """The rule with this name or id (any case)."""
    wanted = handle.lower()
    return next((rule for rule in CATALOGUE if wanted in (rule.name, rule.id.lower())), None)
