"""`devstack explain`: the page of a rule, or the list of all rules."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from devstack.commands.doctor import unknown_rule
from devstack.errors import ExitCode
from devstack.rules.catalogue import CATALOGUE, find


def explain(handle: str | None, environment: Mapping[str, str]) -> int:
    """Print one page, or the table of the catalogue."""
    from devstack.views import pages, style

    look = style.detect(sys.stdout, environment)
    if handle is None:
        sys.stdout.write(pages.table(CATALOGUE, look) + "\n")
        return int(ExitCode.OK)
    rule = find(handle)
    if rule is not None:
        sys.stdout.write(pages.rule(rule, look) + "\n")
        if rule.name == "host-without-websocket":
            from devstack.contract.hosts import table

            sys.stdout.write(pages.hosts(table(), look) + "\n")
        return int(ExitCode.OK)
    topic = _topic(handle)
    if topic is None:
        raise unknown_rule(handle)
    sys.stdout.write(pages.topic(handle.lower(), topic, look) + "\n")
    return int(ExitCode.OK)


def _topic(handle: str) -> str | None:
    """Pages that are no rule: verdicts of `devstack ws` and what a browser hides."""
    from devstack.rules.topics import TOPICS

    return TOPICS.get(handle.lower())
