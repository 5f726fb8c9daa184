"""What `env sync`, `env set` and `env rotate` will write, in words: names and files, never a value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devstack.contract.sync import SyncPlan
from devstack.views.style import Style

Shown = Callable[[Path], str]


def plan_text(plan: SyncPlan, shown: Shown, style: Style) -> str:
    """One line for each step, then what stays open; ends with a newline unless there is nothing to say."""
    new = {change.path for change in plan.changes if change.before is None}
    lines = []
    for step in plan.steps:
        word = "create" if step.path.resolve() in new and step.what.startswith("created") else "write"
        names = f"  {', '.join(step.names)}" if step.names else ""
        lines += _line(word, "green", f"{shown(step.path)}{names}  ({step.what})", style)
    for word, colour, texts in (("differ", "red", plan.conflicts), ("open", "yellow", plan.notes)):
        for text in texts:
            lines += _line(word, colour, text, style)
    return "".join(f"{line}\n" for line in lines)


def _line(word: str, colour: str, text: str, style: Style) -> list[str]:
    """A line that begins with a coloured word; what does not fit stands below the text."""
    first, *further = style.folded(f"{word:<6} {text}", " " * 7)
    return [style.paint(first[:6], colour) + first[6:], *further]
