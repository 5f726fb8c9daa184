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
_LONGEST_SEQUENCE = 4096
_CUT = regex(rb"\x1b(?:\[[0-?]*[ -/]*|[]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)\Z")
_COLOUR = regex(rb"\x1b\[[0-9;:]*m")
_COLOUR_PARAMETERS = regex(rb"[0-9;:]*\Z")
_FIRST_COLUMN = regex(rb"[01]?\Z")
_OTHER_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\v\f\x1b") + b"\x7f"
_BLANKS = bytes.maketrans(b"\v\f", b"  ")
# C1, and what turns the direction of text around. Marks between characters stay: emoji and scripts need them.
_STEERING = regex("[\x80-\x9f\u202a-\u202e\u2066-\u2069]")
_RESET = b"\x1b[0m"
_MOST_COLOURS = 8
"""So many colour codes are carried from one line to the next; more means that a program never resets."""


class Tamer:
    """The control codes of one service's output. `colour=False` takes colours out, too.

    `starts_over` tells of the block tamed last whether it takes the place of what was shown of its first line.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._active: list[bytes] = []
        self._cut = b""  # the beginning of a sequence at the end of a block
        self._is_back = False  # the cursor stands in the first column of an unfinished line
        self.starts_over = False

    def tame(self, block: bytes) -> bytes:
        """`block` without what could reach beyond its own lines; plain blocks come back untouched."""
        block = self._whole_sequences(block)
        if not block.isascii():
            block = _valid(block)
        self.starts_over, self._is_back = self._is_back, False
        if not self._active and not any(control in block for control in _CONTROLS):
            return block
        # Sequences first: a bell may be the end of one.
        whole = _SEQUENCE.sub(self._replace, block) if b"\x1b" in block else block
        whole = whole.replace(b"\r\n", b"\n").translate(_BLANKS, _OTHER_CONTROLS)
        lines = whole.split(b"\n")
        self.starts_over |= b"\r" in lines[0].rstrip(b"\r")
        self._is_back = lines[-1].endswith(b"\r") or (self.starts_over and not whole)
        return b"\n".join([self._line(line) for line in lines])

    def _whole_sequences(self, block: bytes) -> bytes:
        """`block` from the beginning of a sequence that was cut off, up to one that is."""
        block, self._cut = self._cut + block, b""
        found = _CUT.search(block, max(0, len(block) - _LONGEST_SEQUENCE)) if b"\x1b" in block else None
        if found is not None:
            block, self._cut = block[: found.start()], found[0]
        return block

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
    """`block` as valid UTF-8 without 8-bit control characters and text direction, which some terminals obey."""
    return _STEERING.sub("", block.decode("utf-8", "replace")).encode()


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
