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
        erases: whether a terminal can take back what its last line shows.
    """

    colour: bool = False
    unicode: bool = True
    erases: bool = True
    width: int = 100

    def paint(self, text: str, *names: str) -> str:
        """`text` in these colours, or as it is where colours are not wanted."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def folded(self, text: str, indent: str, *names: str) -> list[str]:
        """`text` in lines that fit, each in these colours, the further ones behind `indent`; words stay whole."""
        if len(text) <= self.width:
            return [self.paint(text, *names)]
        return [self.paint(line, *names) for line in wrapped(text, self.width, indent)]

    def glyph(self, fancy: str, plain: str) -> str:
        """The character that the terminal can show."""
        return fancy if self.unicode else plain


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` characters, the further ones behind `indent`; words stay whole."""
    import textwrap

    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def cut(text: str, width: int) -> str:
    """At most `width` characters."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def detect(stream: TextIO, environment: Mapping[str, str]) -> Style:
    """The style for `stream`: DEVSTACK_COLOUR, then NO_COLOR, then FORCE_COLOR, then what the stream is."""
    is_terminal = stream.isatty()
    erases = colour = is_terminal and environment.get("TERM") != "dumb"
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
    unicode = _is_utf(getattr(stream, "encoding", None) or "ascii") and _locale_takes_unicode(environment)
    return Style(colour=colour, unicode=unicode, erases=erases, width=max(40, min(width, 140)))


def _locale_takes_unicode(environment: Mapping[str, str]) -> bool:
    """Python writes UTF-8 in the C locale, too; a terminal in it shows something else."""
    name = next((text for key in ("LC_ALL", "LC_CTYPE", "LANG") if (text := environment.get(key))), "")
    codeset = name.partition(".")[2].partition("@")[0]
    return _is_utf(codeset) if codeset else name not in ("C", "POSIX")


def _is_utf(encoding: str) -> bool:
    return encoding.lower().replace("-", "").startswith("utf")


def _terminal_width(stream: TextIO, fallback: int) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or fallback
    except (OSError, ValueError):
        import shutil

        return shutil.get_terminal_size((fallback, 24)).columns
