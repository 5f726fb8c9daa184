"""Takes secret values out of everything that devstack shows or stores.

Looks for every known value in the forms in which programs print it (`env.disguises`), and for credentials
that show themselves: JWTs, `token=…`, userinfo of URLs, `Authorization:`. Works on blocks of bytes: the price of
a block without secrets is a few searches by the C library, not one step per line.

A stream gives the same output however its input was cut into blocks. It holds back only the end of a block that may be
the beginning of a secret, at most `HOLD_LIMIT` bytes plus the longest value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from devstack.env.disguises import disguises, period

MARKER = b"[redacted]"
HOLD_LIMIT = 1 << 16
_SHORTEST = 5
_VALUE = rb"""[^\s&"'<>#;,)\]}\\]"""

Interval = tuple[int, int]


class _Telltale:
    """A credential that shows itself: a gate (cheap search), what to hide (group 1), what may become one."""

    __slots__ = ("gate", "partial", "whole")

    def __init__(self, gate: bytes, whole: bytes, partial: bytes) -> None:
        self.gate = gate
        self.whole = re.compile(whole)
        self.partial = re.compile(rb"(?:" + partial + rb")\Z")


def _beginnings(word: bytes) -> bytes:
    """A pattern for every proper beginning of `word`, which is a literal."""
    return b"|".join(re.escape(word[:length]) for length in range(len(word) - 1, 0, -1))


_PARAMETERS = (b"token", b"secret", b"password", b"passwd", b"api_key", b"apikey", b"jwt")
_PARAMETER = rb"(?:" + b"|".join(_PARAMETERS) + rb")(?:=|%3[Dd])"
_HEADER = rb"""[Aa]uthorization["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?:[A-Za-z]{1,16}[ \t]{1,4})?"""
_TELLTALES = (
    _Telltale(
        b"eyJ",
        rb"(eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{4,16384}(?:\.[A-Za-z0-9_-]{0,8192}){0,3})",
        rb"ey?|eyJ[A-Za-z0-9_-]{0,4096}(?:\.[A-Za-z0-9_-]{0,16384}(?:\.[A-Za-z0-9_-]{0,8192}){0,3})?",
    ),
    _Telltale(
        b"@",
        rb"""://([^\s/?#@"'<>\\]{1,1024})@""",
        rb"""://?|:|://[^\s/?#@"'<>\\]{0,1024}""",
    ),
    _Telltale(
        b"uthorization",
        _HEADER + rb"(" + _VALUE + rb"{4,16384})",
        _beginnings(b"Authorization")
        + rb"|"
        + _beginnings(b"authorization")
        + rb"""|[Aa]uthorization["']?[ \t]{0,4}(?:[:=][ \t]{0,4}["']?(?:[A-Za-z]{1,16}[ \t]{0,4})?"""
        + rb"(?:"
        + _VALUE
        + rb"{0,16384})?)?",
    ),
    *(
        _Telltale(
            word + suffix[:1],
            word + suffix + rb"(" + _VALUE + rb"{1,16384})",
            _beginnings(word) + rb"|" + word + rb"(?:%(?:3)?)?|" + word + suffix + _VALUE + rb"{0,16384}",
        )
        for word in _PARAMETERS
        for suffix in (rb"=", rb"%3[Dd]")
    ),
)


class Redactor:
    """Replaces every secret value by `[redacted]`, in text or in a stream of blocks."""

    __slots__ = ("_endings", "_groups", "_literals", "_periods", "_separate")

    def __init__(self, values: Iterable[str] = ()) -> None:
        literals: set[bytes] = set()
        for value in values:
            if len(value.encode("utf-8", "surrogateescape")) >= _SHORTEST:
                literals.update(disguises(value))
        self._literals = tuple(sorted(literals, key=lambda literal: (-len(literal), literal)))
        self._periods = {literal: period(literal) for literal in self._literals}
        self._groups = _by_rarest_byte(self._literals)
        self._endings = _by_last_byte(self._literals)
        self._separate: dict[tuple[bytes, ...], bool] = {}

    def __repr__(self) -> str:
        return f"Redactor(<{len(self._literals)} forms>)"

    def redact(self, text: str) -> str:
        """The text without any secret."""
        return self.redact_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def redact_bytes(self, block: bytes) -> bytes:
        """The block without any secret, taken as a whole: nothing is held back."""
        stream = self.stream()
        return stream.feed(block) + stream.flush()

    def stream(self) -> RedactionStream:
        """A stream of its own, for one source of output."""
        return RedactionStream(self)

    def present(self, block: bytes) -> tuple[bytes, ...]:
        """The literals that occur in the block."""
        return tuple(
            literal
            for anchor, literals in self._groups
            if anchor in block
            for literal in literals
            if literal in block
        )

    def are_separate(self, literals: tuple[bytes, ...]) -> bool:
        """Whether no occurrence of one of them can overlap another occurrence: plain replacing is then exact."""
        known = self._separate.get(literals)
        if known is None:
            known = all(
                self._periods[one] == len(one) if one is two else not _may_overlap(one, two)
                for one in literals
                for two in literals
            )
            self._separate[literals] = known
        return known

    def occurrences(self, literal: bytes, block: bytes) -> Iterable[Interval]:
        """Every occurrence, overlapping ones too."""
        step, length, at = self._periods[literal], len(literal), block.find(literal)
        while at >= 0:
            yield at, at + length
            at = block.find(literal, at + step)

    def unfinished(self, block: bytes) -> int:
        """Where the longest end of the block begins that is the beginning of a literal; its length if none."""
        best = 0
        for literal, length in self._endings.get(block[-1:], ()):
            if length > best and block.endswith(literal[:length]):
                best = length
        return len(block) - best


class RedactionStream:
    """One source of output: `feed` gives what is certain, `flush` the rest."""

    __slots__ = ("_covered", "_redactor", "_tail")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._tail = b""
        self._covered = 0  # so many bytes of the tail belong to a secret whose marker is already out

    def feed(self, block: bytes) -> bytes:
        """Take the next block, give everything that no later byte can change."""
        if not block:
            return b""
        if self._tail:
            block = self._tail + block
        return self._process(block, final=False)

    def flush(self) -> bytes:
        """The end of the source, or of a pause after which what came must be shown: give all that is held."""
        block, self._tail = self._tail, b""
        return self._process(block, final=True) if block else b""

    def _process(self, block: bytes, *, final: bool) -> bytes:
        telltales = [telltale for telltale in _TELLTALES if telltale.gate in block]
        present = self._redactor.present(block)
        end = len(block)
        hold = end if final else self._unfinished(block)
        if not telltales and not self._covered and hold == end:
            if not present:
                self._tail = b""
                return block
            if self._redactor.are_separate(present):
                self._tail = b""
                for literal in present:
                    block = block.replace(literal, MARKER)
                return block
        spans = [found.span(1) for telltale in telltales for found in telltale.whole.finditer(block)]
        matches = [found.span() for telltale in telltales for found in telltale.whole.finditer(block)]
        hold = max(_outside(hold, matches), end - HOLD_LIMIT if hold < end else 0)
        for literal in present:
            spans.extend(self._redactor.occurrences(literal, block))
        return self._emit(block, sorted(spans), hold)

    def _unfinished(self, block: bytes) -> int:
        hold = self._redactor.unfinished(block)
        if block.endswith((b"\n", b" ")):
            return hold
        start = max(block.rfind(b"\n") + 1, len(block) - HOLD_LIMIT)
        for telltale in _TELLTALES:
            found = telltale.partial.search(block, start)
            if found and found.start() < hold:
                hold = found.start()
        return hold

    def _emit(self, block: bytes, spans: list[Interval], hold: int) -> bytes:
        pieces: list[bytes] = []
        at, covered = self._covered, self._covered
        for start, stop in spans:
            if stop <= covered:
                continue
            if start >= max(at, covered) or not covered:
                if start >= hold:
                    break
                pieces += [block[at:start], MARKER]
            covered = at = stop
        if at < hold:
            pieces.append(block[at:hold])
        self._tail = block[hold:]
        self._covered = max(covered - hold, 0)
        return b"".join(pieces)


def _outside(position: int, matches: list[Interval]) -> int:
    """The position, moved to the start of whatever match it lies in."""
    moved = True
    while moved:
        moved = False
        for start, stop in matches:
            if start < position < stop:
                position, moved = start, True
    return position


# How common a byte is in what servers print, most common first; a literal is looked for by its rarest one.
_COMMON = b" etaoinsrlhdcumpfgywb0123456789:./-[]=_,\"kvTIESAx()Dj'qzRNOLPCFMHGUBWVKY\\+%{}<>XJQZ"
_RANK = {byte: rank for rank, byte in enumerate(_COMMON)}


def _by_rarest_byte(literals: tuple[bytes, ...]) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    groups: dict[bytes, list[bytes]] = {}
    for literal in literals:
        rarest = max(literal, key=lambda byte: _RANK.get(byte, 256))
        groups.setdefault(bytes((rarest,)), []).append(literal)
    return tuple((anchor, tuple(group)) for anchor, group in groups.items())


def _by_last_byte(literals: tuple[bytes, ...]) -> dict[bytes, list[tuple[bytes, int]]]:
    """For each byte the beginnings (literal, length) that end with it."""
    endings: dict[bytes, list[tuple[bytes, int]]] = {}
    for literal in literals:
        for length in range(1, len(literal)):
            endings.setdefault(literal[length - 1 : length], []).append((literal, length))
    return endings


def _may_overlap(one: bytes, two: bytes) -> bool:
    """Whether `two` can begin inside `one`, or lies in it."""
    return two in one or any(one.endswith(two[:length]) for length in range(1, min(len(one), len(two))))
