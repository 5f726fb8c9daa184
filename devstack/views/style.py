"""What the reader's terminal can show: width, colours, characters outside ASCII."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from devstack.records import dataclass

_CODES = {
    "red": "31",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "bright-blue": "94",
    "bright-magenta": "95",
    "bright-cyan": "96",
    "cyan": "36",
    "green": "32",
    "dim": "2",
    "bold": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How text may look.

    Attributes:
        width: columns.
        unicode: whether box-drawing characters can be written.
    """

    colour: bool = False
    unicode: bool = True
    width: int = 100

    def paint(self, text: str, *names: str) -> str:
        """`text` in these colours, or as it is where colours are not wanted."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def glyph(self, fancy: str, plain: str) -> str:
        """The character that the terminal can show."""
        return fancy if self.unicode else plain


def detect(stream: TextIO, environment: Mapping[str, str]) -> Style:
    """The style for `stream`: DEVSTACK_COLOUR, then NO_COLOR, then FORCE_COLOR, then what the stream is."""
    is_terminal = stream.isatty()
    colour = is_terminal and environment.get("TERM") != "dumb"
    if environment.get("FORCE_COLOR") not in (None, "", "0"):
        colour = True
    if environment.get("NO_COLOR"):
        colour = False
    wish = environment.get("DEVSTACK_COLOUR")
    if wish in ("always", "never"):
        colour = wish == "always"
    columns = environment.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) else 100
    if is_terminal:
        width = _terminal_width(stream, width)
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return Style(colour=colour, unicode=encoding.startswith("utf"), width=max(40, min(width, 140)))


def _terminal_width(stream: TextIO, fallback: int) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or fallback
    except (OSError, ValueError):
        import shutil

        return shutil.get_terminal_size((fallback, 24)).columns
