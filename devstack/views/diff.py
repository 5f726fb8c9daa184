"""What a change of a file looks like, with every value that could be a secret masked."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator

from devstack.views.excerpt import masked_line
from devstack.views.style import Style

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def render(path: str, before: bytes | None, after: bytes | None, style: Style) -> str:
    """A unified diff of one file; `path` as shown to people."""
    return "\n".join(_lines(path, before, after, style))


def heading(name: str, title: str, style: Style) -> str:
    """What a change is for."""
    lines = textwrap.wrap(f"{name}: {title}", style.width, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines).replace(name, style.paint(name, "bold"), 1)


def _lines(path: str, before: bytes | None, after: bytes | None, style: Style) -> Iterator[str]:
    old, new = _text(before), _text(after)
    yield style.paint(f"--- {path}" if before is not None else "--- (new file)", "bold")
    yield style.paint(f"+++ {path}", "bold")
    found = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm=""))[2:]
    if not found:
        yield f"  {_unseen(before or b'', after or b'')}"
    for line in found:
        mark = line[:1]
        text = line if mark == "@" else mark + masked_line(path, line[1:])
        yield style.paint(text, _COLOURS[mark]) if mark in _COLOURS else text


def _text(content: bytes | None) -> str:
    if content is None:
        return ""
    codec = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return content.decode(codec, errors="replace")


def _unseen(before: bytes, after: bytes) -> str:
    """What changed although every line reads the same."""
    if before.count(b"\r\n") != after.count(b"\r\n"):
        return "(line ends become those of Unix; the text stays)"
    if len(before) != len(after):
        return "(encoding or invisible characters; the text stays)"
    return "(permissions only)"
