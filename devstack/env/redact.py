"""Takes secret values out of everything that devstack shows or stores.

Looks for every known value in the forms in which programs print it (`env.disguises`), and for credentials
that show themselves (`env.telltales`): JWTs, `token=…`, userinfo of URLs, `Authorization:`. Works on blocks of
bytes: a block without secrets costs a few searches by the C library, not one step per line.

A stream gives the same output however its input was cut into blocks. It holds back only an end that may be the
beginning of a secret: at most `HOLD_LIMIT` bytes plus the longest form of a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from devstack.env.disguises import disguises, period
from devstack.env.secrets import looks_random
from devstack.env.telltales import TELLTALES
from devstack.patterns import regex

MARKER = b"[redacted]"
HOLD_LIMIT = 1 << 16
_WORD = regex(r"(?<![\w/.+-])[\w+-]{16,}={0,2}(?![\w.(])", re.ASCII)
_SHORTEST = 5  # shorter values would tear ordinary words out of the output

Interval = tuple[int, int]


class Redactor:
    """Replaces every secret value by `[redacted]`, in text or in a stream of blocks."""

    __slots__ = ("_endings", "_groups", "_literals", "_periods", "_random", "_rare", "_separate", "longest")

    def __init__(self, values: Iterable[str] = ()) -> None:
        literals: set[bytes] = set()
        for value in values:
            if len(value.encode("utf-8", "surrogateescape")) >= _SHORTEST:
                literals.update(disguises(value))
        self._literals = tuple(sorted(literals, key=lambda literal: (-len(literal), literal)))
        self.longest = len(self._literals[0]) if self._literals else 0
        self._periods = {literal: period(literal) for literal in self._literals}
        self._random = frozenset(literal for literal in self._literals if _RUN in literal.translate(_RUNS))
        self._groups = _by_rarest_bytes(self._literals)
        self._rare = bytes({byte for rarest in self._groups for byte in rarest})
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
        return RedactionStream(lambda: self)

    def present(self, block: bytes) -> tuple[bytes, ...]:
        """The literals that occur in the block."""
        missing = {byte for byte in self._rare if byte not in block}
        candidates = [
            literal
            for rarest, literals in self._groups.items()
            if missing.isdisjoint(rarest)
            for literal in literals
        ]
        if len(candidates) >= _MANY and _RUN not in block.translate(_RUNS):
            candidates = [literal for literal in candidates if literal not in self._random]
        # `rfind` finds nothing several times as fast as `in` does: it skips by what stands before
        return tuple(literal for literal in candidates if block.rfind(literal) >= 0)

    def are_separate(self, literals: tuple[bytes, ...]) -> bool:
        """Whether no occurrence of one can overlap an occurrence of another: plain replacing is then exact."""
        known = self._separate.get(literals)
        if known is None:
            known = all(
                self._periods[one] == len(one) if one is two else not _may_overlap(one, two)
                for one in literals
                for two in (*literals, MARKER)
            ) and not any(_may_overlap(MARKER, literal) for literal in literals)
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


def without_credentials(text: str) -> str:
    """`text` without what shows by itself that it is one: tokens, passwords in URLs, long random words.

    For sentences that quote what somebody wrote where no value was expected.
    """
    return _WORD.sub(
        lambda found: "[redacted]" if looks_random(found.group()) else found.group(),
        _NOTHING_KNOWN.redact(text),
    )


class RedactionStream:
    """One source of output: `feed` gives what is certain, `flush` the rest.

    `redactor` is asked at each block: it may know more each time.
    """

    __slots__ = ("_covered", "_redactor", "_tail")

    def __init__(self, redactor: Callable[[], Redactor]) -> None:
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
        redactor, end = self._redactor(), len(block)
        hold = end if final else min(redactor.unfinished(block), _unfinished(block))
        present = redactor.present(block)
        found = [match for telltale in TELLTALES for match in telltale.matches(block)]
        if not found and hold == end and not self._covered and redactor.are_separate(present):
            self._tail = b""
            for literal in present:
                block = block.replace(literal, MARKER)
            return block
        spans = [match.span(1) for match in found]
        for literal in present:
            spans.extend(redactor.occurrences(literal, block))
        start = _outside(hold, [match.span() for match in found])
        if end - start <= HOLD_LIMIT + redactor.longest:
            hold = start
        return self._emit(block, sorted(spans), hold)

    def _emit(self, block: bytes, spans: list[Interval], hold: int) -> bytes:
        """Give everything before `hold`; overlapping spans share one marker, even across blocks."""
        pieces: list[bytes] = []
        at = covered = self._covered
        for start, stop in spans:
            if start < covered:
                at = covered = max(covered, stop)
            elif start < hold:
                pieces += [block[at:start], MARKER]
                at = covered = stop
        pieces.append(block[at:hold])
        self._tail = block[hold:]
        self._covered = max(covered - hold, 0)
        return b"".join(pieces)


def _unfinished(block: bytes) -> int:
    """Where the earliest end of the block begins that may become a telltale; none spans lines."""
    start = max(block.rfind(b"\n") + 1, len(block) - HOLD_LIMIT)
    if start == len(block):
        return start
    return min(telltale.unfinished(block, start) for telltale in TELLTALES)


def _outside(position: int, matches: list[Interval]) -> int:
    """The position, moved to the start of whatever match it lies in."""
    moved = True
    while moved:
        moved = False
        for start, stop in matches:
            if start < position < stop:
                position, moved = start, True
    return position


# Keys and their base64 forms hold a long run of letters and digits, which ordinary lines do not: one look for
# such a run spares the search for each of them.
_RUN = b"a" * 16
_RUNS = bytes(97 if chr(byte).isalnum() and byte < 128 else 32 for byte in range(256))
_MANY = 12

# How common a byte is in what servers print, most common first; a literal is looked for where its rarest are.
_COMMON = b" etaoinsrlhdcumpfgywb0123456789:./-[]=_,\"kvTIESAx()Dj'qzRNOLPCFMHGUBWVKY\\+%{}<>XJQZ"
_RANK = {byte: rank for rank, byte in enumerate(_COMMON)}
_RAREST = 3


def _by_rarest_bytes(literals: tuple[bytes, ...]) -> dict[bytes, list[bytes]]:
    groups: dict[bytes, list[bytes]] = {}
    for literal in literals:
        by_rank = sorted(set(literal), key=lambda byte: (_RANK.get(byte, 256), byte))
        groups.setdefault(bytes(by_rank[-_RAREST:]), []).append(literal)
    return groups


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


_NOTHING_KNOWN = Redactor()
