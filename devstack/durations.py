"""Durations as people write them: `250ms`, `2s`, `1m`, `1h`. A bare number is an error: which unit?"""

from __future__ import annotations

import re

from devstack.patterns import regex

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"

_PART = regex(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


def parse(text: str) -> float:
    """Seconds. `1m30s` adds up. Raises ValueError with a sentence for people."""
    cleaned = text.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", cleaned):
        raise ValueError(f'"{cleaned}" has no unit: write "{cleaned}s" or "{cleaned}ms"')
    if not re.match(PATTERN, cleaned):
        raise ValueError(f'"{text}" is not a duration: a number and a unit, such as "250ms", "2s", "1m"')
    total = sum(float(number) * SECONDS[unit] for number, unit in _PART.findall(cleaned))
    if total > 86400 * 365:
        raise ValueError(f'"{text}" is longer than a year')
    return total


def show(seconds: float) -> str:
    """The shortest spelling that `parse` reads back as the same value."""
    if seconds <= 0:
        return "0s"
    for unit in ("h", "m", "s"):
        count = seconds / SECONDS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f}ms" if seconds < 1 else f"{seconds:g}s"


def age(seconds: float) -> str:
    """The largest two units: `5 s`, `12 m`, `3 h 05 m`, `2 d 4 h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
