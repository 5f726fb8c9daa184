"""The port that a command line tells its program to listen on, or that the program's own module writes out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from devstack.patterns import regex
from devstack.records import dataclass

_PYTHON = regex(r"python[\d.]*|pypy[\d.]*|py")
# Their `--port` is somebody else's, a thing to connect to, or for each of several programs.
_NEVER = frozenset("docker podman ssh psql redis-cli mysql mongosh turbo nx curl wait-on adb ngrok".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True, kw_only=True)
class _Habit:
    """How a program is told its port.

    Attributes:
        flags: options that take the number.
        binds: options that take an address: `0.0.0.0:8000`, `:8000`, `tcp://localhost:3000`.
        bare: whether a lone number is enough there.
        after: the word behind which the first plain word is a number or an address.
    """

    flags: tuple[str, ...] = ("--port",)
    binds: tuple[str, ...] = ()
    bare: bool = False
    after: str | None = None


# Calls that listen; those of `_PERHAPS` only with a port of their own, not on another server's.
_LISTENS = regex(
    r"\.listen\(|\b(?:WebSocketServer|Server|serve)\(|\b(?:uvicorn|app|web|socketio)\.run(?:_app)?\("
)
_PERHAPS = regex(r"\b(?:WebSocketServer|Server|serve)\(")
_PORT = regex(
    r"\s*(?:\{\s*)?(\d+)\s*(?:,|$)|.*?\bport\s*[:=]\s*(\w+)\s*(?:[,}\n]|$)|\s*(\w+)\s*(?:,|$)", re.S
)
_COMMENT = {True: regex(r"#[^\n]*"), False: regex(r"/\*.*?\*/|(?<!:)//[^\n]*", re.S)}


@lru_cache(maxsize=1024)
def written(text: str, *, is_python: bool) -> tuple[int, int] | None:
    """(port, 1-based line) where a module listens once, on a port that it writes out; None otherwise."""
    plain = _COMMENT[is_python].sub(lambda found: "\n" * found.group().count("\n"), text)
    numbers: list[tuple[int | None, int]] = []
    for found in _LISTENS.finditer(plain):
        told = _PORT.match(plain[found.end() : found.end() + 400].partition(")")[0])
        given = "" if told is None else next(filter(None, told.groups()), "")
        number = _resolved(given, plain)
        if number is not None or not _PERHAPS.fullmatch(found.group()):
            numbers.append((number, plain.count("\n", 0, found.start()) + 1))
    number, line = numbers[0] if len(numbers) == 1 else (None, 0)
    return None if number is None else (number, line)


def _resolved(given: str, text: str) -> int | None:
    """The number, or the one that a constant of this name holds."""
    if not given.isidentifier():
        return _number(given)
    constant = rf"^[ \t]*(?:(?:export[ ]+)?const[ ]+)?{given}[ ]*(?::[^=\n]*)?=(?!=)[ ]*(.*?)[;,]?[ \t]*$"
    found = re.findall(constant, text, re.M)
    return _number(found[0]) if len(found) == 1 else None


_SHORT = _Habit(flags=("-p", "--port"))
_HABITS: Mapping[str, _Habit] = {
    **dict.fromkeys(
        (
            "next",
            "http-server",
            "flask",
            "nuxt",
            "nuxi",
            "json-server",
            "remix-serve",
            "sirv",
            "parcel",
            "sanic",
        ),
        _SHORT,
    ),
    **dict.fromkeys(("rails", "puma", "daphne", "live-server", "webpack-dev-server"), _SHORT),
    "serve": _Habit(flags=("-p", "--port"), binds=("-l", "--listen"), bare=True),
    "gunicorn": _Habit(flags=(), binds=("-b", "--bind")),
    "hypercorn": _Habit(flags=(), binds=("-b", "--bind")),
    "waitress-serve": _Habit(binds=("--listen",)),
    "streamlit": _Habit(flags=("--server.port",)),
    "php": _Habit(flags=(), binds=("-S",)),
    "manage.py": _Habit(flags=(), after="runserver", bare=True),
    "django-admin": _Habit(flags=(), after="runserver", bare=True),
    "http.server": _Habit(flags=(), after="http.server", bare=True),
}


@lru_cache(maxsize=1024)
def told(words: tuple[str, ...]) -> tuple[int, str] | None:
    """The number and the words that say it (`-p 4000`); None where nothing or several things are said.

    `words` begin with the program itself, runners taken off (`scripts.tool`).
    """
    words = _program(words)
    if not words or words[0] in _NEVER:
        return None
    habit = _HABITS.get(words[0], _Habit())
    found = [
        *((number, shown) for text, shown in _values(words, habit.flags) if (number := _number(text))),
        *(
            (number, shown)
            for text, shown in _values(words, habit.binds)
            if (number := _address(text, habit.bare))
        ),
    ]
    if habit.after in words:
        plain = [word for word in words[words.index(habit.after) + 1 :] if not word.startswith("-")]
        number = _address(plain[0], habit.bare) if plain else None
        found += [(number, f"{habit.after} {plain[0]}")] if number else []
    return found[0] if len({number for number, _ in found}) == 1 else None


def _program(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without the interpreter: `python -m uvicorn …`, `python manage.py …`."""
    if words and _PYTHON.fullmatch(words[0]):
        rest = list(words[1:])
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest.pop(0)
        rest = rest[1:] if rest[:1] == ["-m"] else rest
        return (rest[0].rpartition("/")[2], *rest[1:]) if rest else ()
    return words


def _values(words: Sequence[str], flags: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each text given to one of `flags`, with the words that give it."""
    for index, word in enumerate(words):
        for flag in flags:
            if word == flag and index + 1 < len(words):
                yield words[index + 1], f"{word} {words[index + 1]}"
            elif word.startswith(f"{flag}="):
                yield word[len(flag) + 1 :], word
            elif len(flag) == 2 and re.fullmatch(rf"{flag}\d+", word):
                yield word[2:], word


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _address(text: str, bare: bool) -> int | None:
    """The port of an address; Unix sockets, pipes and file descriptors have none."""
    if bare and text.isdecimal():
        return int(text)
    found = re.fullmatch(r"(?:tcp://)?(?:\[[\da-f:.]*\]|[\w.*-]*):(\d+)", text)
    return int(found[1]) if found and not text.startswith(("unix:", "fd:", "pipe:")) else None
