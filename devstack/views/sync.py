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
        lines.append(f"{style.paint(word.ljust(6), 'green')} {shown(step.path)}{names}  ({step.what})")
    lines += [f"{style.paint('differ', 'red')} {text}" for text in plan.conflicts]
    lines += [f"{style.paint('open  ', 'yellow')} {text}" for text in plan.notes]
    return "".join(f"{line}\n" for line in lines)
