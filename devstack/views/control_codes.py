"""What a service may do to the terminal it shares with others: colours, and nothing else.

Cursor moves, clear-screen, alternate screen, titles and bells are taken out; `\\r` progress keeps its last
state; vertical tab and form feed become a blank; invalid UTF-8 becomes U+FFFD. Colours stay, do not leak into
other lines, and go on in the next line of the same service where it expects that.
"""

from __future__ import annotations

import re

from devstack.patterns import regex

# Bytes that can change more than their own line. The others of C0 are ignored by terminals.
_CONTROLS = (b"\x1b", b"\r", b"\b", b"\v", b"\f", b"\x0e", b"\x0f", b"\a", b"\x00", b"\x7f", b"\x05")
_SEQUENCE = regex(
    rb"\x1b\[([0-?]*)[ -/]*([@-~])"  # CSI parameters final
    rb"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    rb"|\x1b[PX^_][^\x1b\n]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    rb"|\x1b[ -/]*[0-~]?"  # two-character escapes, charsets; also a lonely ESC
)
_COLOUR = regex(rb"\x1b\[[0-9;:]*m")
_COLOUR_PARAMETERS = regex(rb"[0-9;:]*\Z")
_FIRST_COLUMN = regex(rb"[01]?\Z")
_OTHER_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\v\f\x1b") + b"\x7f"
_BLANKS = bytes.maketrans(b"\v\f", b"  ")
_C1 = regex("[\x80-\x9f]")
_RESET = b"\x1b[0m"
_MOST_COLOURS = 8
"""So many colour codes are carried from one line to the next; more means that a program never resets."""


class Tamer:
    """The control codes of one service's output. `colour=False` takes colours out, too."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._active: list[bytes] = []

    def tame(self, block: bytes) -> bytes:
        """`block` without what could reach beyond its own lines; plain blocks come back untouched."""
        if not block.isascii():
            block = _valid(block)
        if not self._active and not any(control in block for control in _CONTROLS):
            return block
        # Sequences first: a bell may be the end of one.
        whole = _SEQUENCE.sub(self._replace, block) if b"\x1b" in block else block
        whole = whole.replace(b"\r\n", b"\n").translate(_BLANKS, _OTHER_CONTROLS)
        return b"\n".join([self._line(line) for line in whole.split(b"\n")])

    def _line(self, line: bytes) -> bytes:
        if b"\r" in line:
            line = _last_state(line)
        if not self._colour or not (self._active or b"\x1b" in line):
            return line
        return self._contain(line)

    def _replace(self, found: re.Match[bytes]) -> bytes:
        parameters, final = found[1], found[2]
        if final == b"m" and _COLOUR_PARAMETERS.match(parameters):
            return found[0] if self._colour else b""
        # Back to the first column is what `\r` does: spinners write it before each new state.
        if final == b"G" and _FIRST_COLUMN.match(parameters):
            return b"\r"
        return b""

    def _contain(self, line: bytes) -> bytes:
        """Start with the colours that are still on, end with none."""
        if not line:
            return line
        before = b"".join(self._active)
        for code in _COLOUR.findall(line):
            if code in (b"\x1b[m", _RESET):
                self._active.clear()
            elif _closes(code):
                self._active = [kept for kept in self._active if _group(kept) != _group(code)]
            else:
                self._active = [*self._active, code][-_MOST_COLOURS:]
        return before + line + _RESET


def _valid(block: bytes) -> bytes:
    """`block` as valid UTF-8 without 8-bit control characters, which some terminals obey."""
    text = block.decode("utf-8", "replace")
    return _C1.sub("", text).encode()


def _last_state(line: bytes) -> bytes:
    """What stays on screen of a line that went back to its start: the last state that shows something."""
    colours = b"".join(_COLOUR.findall(line[: line.rfind(b"\r")])[-_MOST_COLOURS:])
    for state in reversed(line.split(b"\r")):
        if _COLOUR.sub(b"", state).strip():
            return state if state.startswith(b"\x1b") else colours + state
    return b""


_CLOSING = {
    b"39": b"fore",
    b"49": b"back",
    b"22": b"weight",
    b"23": b"italic",
    b"24": b"under",
    b"27": b"inverse",
}


def _closes(code: bytes) -> bool:
    return code[2:-1] in _CLOSING


def _group(code: bytes) -> bytes:
    """Which property a code sets or closes: foreground, background, weight …"""
    first = code[2:-1].replace(b":", b";").split(b";")[0]
    if first in _CLOSING:
        return _CLOSING[first]
    number = int(first or b"0")
    if 30 <= number <= 38 or 90 <= number <= 97:
        return b"fore"
    if 40 <= number <= 48 or 100 <= number <= 107:
        return b"back"
    return {1: b"weight", 2: b"weight", 3: b"italic", 4: b"under", 7: b"inverse"}.get(number, b"other")
