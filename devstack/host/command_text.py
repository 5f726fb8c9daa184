"""A process's command line as it may be shown: no control characters, no secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from devstack.invisible import INVISIBLE

_MASK = "***"
_SECRET_WORD = (
    r"[\w.-]*(?:secret|token|passw|pwd|api[_-]?key|private[_-]?key|credential|auth|signature)[\w.-]*"
)
_PATTERNS = (
    re.compile(r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"),  # a JWT
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),  # user and password of a URL
    re.compile(r"(?i)(?<=bearer )\S+"),
    re.compile(rf"(?i)(?<![\w-])(-{{0,2}}{_SECRET_WORD}[=:]\s?)(?:\"[^\"]*\"|'[^']*'|[^\s&]+)"),
    re.compile(rf"(?i)(?<![\w-])(--{_SECRET_WORD}\s)(?:\"[^\"]*\"|'[^']*'|[^\s-]\S*)"),
    # A long run of mixed letters and digits that is no path, number or option.
    re.compile(r"(?<![\w/.@-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{32,}(?![\w/.-])"),
)


def shown_command(argv: Sequence[str], name: str) -> str:
    """The command line on one line, secrets masked; `name` where the system shows no arguments."""
    text = printable(" ".join(argv)) or f"[{printable(name)}]"
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: (match[1] if match.re.groups else "") + _MASK, text)
    return text


def printable(text: str) -> str:
    """`text` without control and direction characters, on one line."""
    return INVISIBLE.sub(" ", text).strip()
