"""Literals of `vite.config.ts`, `next.config.mjs` and the like, by the path of keys they stand at.

No interpreter and no full parser: brackets, strings and comments are followed, and a `key: literal` is
reported with the keys around it. What is computed is not reported, so nobody concludes anything from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devstack.env.model import FileReader

_NAMES = {
    "vite": ("vite.config.js", "vite.config.mjs", "vite.config.ts", "vite.config.cjs", "vite.config.mts"),
    "next": ("next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs"),
}
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
    |(?P<number>\d[\w.]*)|(?P<name>[A-Za-z_$][\w$]*)|(?P<mark>=>|[{}\[\](),:;?])|(?P<other>[^\s])""",
    re.VERBOSE | re.DOTALL,
)

# A colon that ends a choice, not a key; what stands before an object that is only one of several; its key then.
_OTHERWISE = "?:"
_CHOOSES = ("?", _OTHERWISE, "&", "|")
_CHOICE = "?"
# What may follow a value that is nothing but the literal.
_ENDS = re.compile(r"(?:\s|//[^\n]*\n|/\*.*?\*/)*(?:[,}\])]|as\b|satisfies\b|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLiteral:
    """One literal value.

    Attributes:
        keys: the keys around it, outermost first; items of lists have the list's keys.
        text: strings without quotes, numbers and `true`/`false`/`null` as written.
        line: 1-based.
    """

    keys: tuple[str, ...]
    text: str
    line: int

    def is_at(self, *keys: str) -> bool:
        """Whether the innermost keys are these."""
        return self.keys[-len(keys) :] == keys


def find(folder: Path, kind: str, reader: FileReader) -> tuple[Path, str] | None:
    """The configuration file of `folder` (`vite` or `next`) and its text; the first that exists."""
    for name in _NAMES[kind]:
        try:
            content = reader.read(folder / name)
        except OSError:
            continue
        if content is not None:
            return folder / name, content.decode("utf-8", errors="replace")
    return None


def literals(text: str) -> Iterator[ConfigLiteral]:
    """Every literal that is the whole value of a key, in the order of the text."""
    open_brackets: list[tuple[str, str | None]] = []  # bracket, and the key whose value it begins
    key: str | None = None
    before, held = "", ""  # the two tokens before this one
    for found in _TOKEN.finditer(text):
        token = found.group()
        if found.lastgroup == "comment":
            continue
        if token == ":":
            is_key = held in ("{", ",") and bool(open_brackets) and open_brackets[-1][0] == "{"
            key = before.strip("\"'") if is_key else None
            token = token if is_key else _OTHERWISE
        elif token in ("{", "[", "("):
            name = _CHOICE if before in _CHOOSES else key
            open_brackets.append((token, None if token == "(" else name))
            key = key if token == "[" else None
        elif token in ("}", "]", ")"):
            key = None
            if open_brackets:
                open_brackets.pop()
        elif token == ",":
            is_item = bool(open_brackets) and open_brackets[-1][0] == "["
            key = open_brackets[-1][1] if is_item else None
        elif key is not None and before in (":", "[", ",") and _is_whole(text, found):
            yield _literal(open_brackets, key, token, text.count("\n", 0, found.start()) + 1)
        held, before = before, token


def _literal(open_brackets: list[tuple[str, str | None]], key: str, token: str, line: int) -> ConfigLiteral:
    around = [name for bracket, name in open_brackets if name is not None and bracket == "{"]
    return ConfigLiteral(keys=(*around, key), text=token.strip("\"'`"), line=line)


def _is_whole(text: str, found: re.Match[str]) -> bool:
    """Whether the token is a literal and nothing is done with it."""
    is_literal = found.lastgroup in ("string", "number") or found.group() in ("true", "false", "null")
    return is_literal and _ENDS.match(text, found.end()) is not None
