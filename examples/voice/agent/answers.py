"""What the assistant says: a handful of rules, no network, no state."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], str], str]]


def _sum(found: re.Match[str], _: str) -> str:
    left, right = float(found["left"]), float(found["right"])
    results = {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else None}
    result = results[found["sign"]]
    return "Nobody can divide by zero." if result is None else f"That makes {result:g}."


RULES: tuple[Rule, ...] = (
    (
        re.compile(r"\b(hello|hi|hey)\b", re.I),
        lambda _, name: f"Hello {name}! Ask me for the time, or for a sum.",
    ),
    (re.compile(r"\btime\b", re.I), lambda _, __: f"It is {datetime.now():%H:%M}."),
    (re.compile(r"(?P<left>-?\d+(?:\.\d+)?)\s*(?P<sign>[-+*/])\s*(?P<right>-?\d+(?:\.\d+)?)"), _sum),
    (
        re.compile(r"\b(help|what can you do)\b", re.I),
        lambda _, __: "I greet, tell the time and do sums: try 2 + 3.",
    ),
    (re.compile(r"\b(bye|goodbye)\b", re.I), lambda _, name: f"Until next time, {name}."),
)


def answer(text: str, *, name: str) -> str:
    """The reply to `text` said by `name`: the first rule that matches, else an honest shrug."""
    for pattern, reply in RULES:
        found = pattern.search(text)
        if found:
            return reply(found, name)
    return "I know only a few things. Say “help” to hear them."
