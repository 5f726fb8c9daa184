"""Hocuspocus's authentication: one binary message per document, answered by one; numbers and texts as in lib0.

Learned from version 3 of its server and provider.
"""

from __future__ import annotations

DOCUMENT = "devstack-probe"
AUTH = 2
TOKEN, DENIED, AUTHENTICATED = 0, 1, 2


def authentication(token: str) -> bytes:
    """What a provider sends first: the document's name, and its token (empty where it has none)."""
    return _text(DOCUMENT) + _number(AUTH) + _number(TOKEN) + _text(token)


def is_let_in(message: bytes) -> bool | None:
    """Whether `message` accepts or refuses the token; None where it is about something else."""
    try:
        length, rest = _read_number(message)
        kind, rest = _read_number(rest[length:])
        said, _ = _read_number(rest)
    except IndexError:
        return None
    if kind != AUTH or said not in (DENIED, AUTHENTICATED):
        return None
    return said == AUTHENTICATED


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _number(len(encoded)) + encoded


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    found = bytearray()
    while value > 0x7F:
        found.append(0x80 | value & 0x7F)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_number(data: bytes) -> tuple[int, bytes]:
    value = 0
    for index in range(8):
        value |= (data[index] & 0x7F) << (7 * index)
        if data[index] < 0x80:
            return value, data[index + 1 :]
    raise IndexError
