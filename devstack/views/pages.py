"""Pages of rules on a terminal: markdown, lightly dressed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devstack.contract.hosts import HostEntry
from devstack.rules.base import Rule
from devstack.views.style import Style, cut


def rule(entry: Rule, style: Style) -> str:
    """One rule's page."""
    facts = [entry.severity.value, f"needs {entry.needs.value}"]
    if entry.fixable:
        facts.append("has a fix")
    head = f"{style.paint(entry.name, 'bold')} {entry.id} ({', '.join(facts)})"
    return "\n".join([head, "", *_dressed(entry.page, style)])


def topic(name: str, page: str, style: Style) -> str:
    """A page that is no rule."""
    return "\n".join([style.paint(name, "bold"), "", *_dressed(page, style)])


def table(rules: Sequence[Rule], style: Style) -> str:
    """Every rule in one line."""
    width = max(len(entry.name) for entry in rules)
    lines = [f"{entry.id}  {entry.name:<{width}}  {entry.title}" for entry in rules]
    return "\n".join(cut(line, style.width) for line in lines)


def hosts(entries: Sequence[HostEntry], style: Style) -> str:
    """The dated table of hosts and whether they carry WebSockets."""
    width = max(len(entry.pattern) for entry in entries)
    lines = ["", style.paint("Known hosts", "bold")]
    for entry in entries:
        word, colour = _CARRIES[entry.websocket]
        limit = f"; {entry.limit}" if entry.limit else ""
        tls = "; wss:// only" if entry.tls_only else ""
        lines.append(
            f"    {entry.pattern:<{width}}  {style.paint(f'{word:<9}', colour)} {entry.name}{limit}{tls}"
        )
        lines.append(style.paint(f"    {'':<{width}}  {'':<9} {entry.verified}: {entry.source}", "dim"))
    return "\n".join(lines)


_CARRIES = {"no": ("no", "red"), "some": ("sometimes", "yellow"), "yes": ("yes", "green")}


def _dressed(page: str, style: Style) -> Iterator[str]:
    is_code = False
    for line in page.strip().splitlines():
        if line.startswith("```"):
            is_code = not is_code
        elif is_code:
            yield f"    {style.paint(line, 'cyan')}"
        elif line.startswith("## "):
            yield style.paint(line[3:], "bold")
        else:
            yield line
