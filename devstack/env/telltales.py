"""Credentials that show themselves in output: JWTs, `token=…`, userinfo in URLs, `Authorization:` headers.

None spans lines, and all have a bounded length, so that a stream knows when it has seen enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from devstack.patterns import regex

_TEXT = rb"A-Za-z0-9_-"
_VALUE = rb"""[^\s&"'<>#;,)\]}\\]"""
_USERINFO = rb"""[^\s/?#@"'<>\\]"""


class Telltale:
    """One kind of credential.

    Attributes:
        gates: each a rare byte and the text around it without which there is no match: cheap to look for.
        whole: group 1 is what must not be shown.
        partial: every end of a text that may still become a match or a longer match, from the last gate on.
    """

    __slots__ = ("_beginnings", "_gates", "_partial", "_whole")

    def __init__(
        self,
        openings: tuple[bytes, ...],
        gates: tuple[tuple[bytes, bytes], ...],
        whole: bytes,
        partial: bytes,
    ) -> None:
        self._gates = gates
        self._whole = regex(whole)
        self._partial = regex(rb"(?:" + partial + rb")\Z")
        self._beginnings = tuple(
            opening[:length] for opening in openings for length in range(len(opening) - 1, 0, -1)
        )

    def matches(self, block: bytes) -> Iterator[re.Match[bytes]]:
        """Every credential of this kind in the block."""
        if any(byte in block and block.rfind(text) >= 0 for byte, text in self._gates):
            yield from self._whole.finditer(block)

    def unfinished(self, block: bytes, start: int) -> int:
        """Where the earliest end (at or after `start`) begins that may become a match; the length if none."""
        if any(block.find(text, start) >= 0 for _, text in self._gates):
            found = self._partial.search(block, start)
            if found:
                return found.start()
        if block.endswith(self._beginnings):
            return len(block) - max(len(text) for text in self._beginnings if block.endswith(text))
        return len(block)


def _parameter(word: bytes) -> Telltale:
    """`?token=…`, also inside a URL that is itself URL-encoded."""
    return Telltale(
        (word + b"=", word + b"%3D", word + b"%3d"),
        ((b"=", word + b"="), (b"%", word + b"%3")),
        word + rb"(?:=|%3[Dd])(" + _VALUE + rb"{1,16384})",
        word + rb"(?:%3?|(?:=|%3[Dd])" + _VALUE + rb"{0,16384})",
    )


_SEPARATOR = rb"""[\\"']{0,2}[ \t]{0,4}"""
_HEADER = rb"(?:[Aa]uthorization|AUTHORIZATION)"
TELLTALES = (
    Telltale(
        (b"eyJ",),
        ((b"J", b"eyJ"),),
        rb"(eyJ[" + _TEXT + rb"]{8,2048}\.[" + _TEXT + rb"]{4,16384}(?:\.[" + _TEXT + rb"]{0,8192}){0,3})",
        rb"eyJ[" + _TEXT + rb"]{0,2048}(?:\.[" + _TEXT + rb"]{0,16384}(?:\.[" + _TEXT + rb"]{0,8192}){0,3})?",
    ),
    Telltale(
        (b"://",),
        ((b"@", b"://"),),
        rb"://(" + _USERINFO + rb"{1,1024})@",
        rb"://" + _USERINFO + rb"{0,1024}",
    ),
    Telltale(
        (b"Authorization", b"authorization", b"AUTHORIZATION"),
        ((b"h", b"uthorization"), (b"Z", b"UTHORIZATION")),
        _HEADER
        + _SEPARATOR
        + rb"[:=][ \t]{0,4}"
        + rb"""[\\"']{0,2}(?:[A-Za-z]{1,16}[ \t]{1,4})?("""
        + _VALUE
        + rb"{4,16384})",
        _HEADER
        + _SEPARATOR
        + rb"""(?:[:=][ \t]{0,4}[\\"']{0,2}(?:[A-Za-z]{1,16}[ \t]{0,4})?(?:"""
        + _VALUE
        + rb"{0,16384})?)?",
    ),
    _parameter(b"token"),
    _parameter(b"secret"),
    _parameter(b"password"),
)
