"""Reads command texts the way a POSIX shell would split them, without running anything."""

from __future__ import annotations

import re
from functools import lru_cache

from devstack.patterns import regex
from devstack.records import dataclass

# Outside quotes these make a shell necessary. `~` and `#` only at a word's start.
_ACTIVE = set("|&;<>()$`*?[]{}!\n")
_ASSIGNMENT = regex(r"[A-Za-z_][A-Za-z0-9_]*=")
_WORD = regex(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
_DEFAULT = regex(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:?)[-=]([^{}$`]*)\}")
_VALUES = (
    regex(
        r"""((?<![\w-])[A-Za-z_]\w*=)(?!(?:\d{1,5}|true|false|development|production|test)(?:\s|$))(?:"[^"]*"|'[^']*'|\S+)"""
    ),
    regex(
        r"""(?i)(--?[\w-]*(?:secret|token|passw|key|auth|credential)[\w-]*(?:=|\s+))(?:"[^"]*"|'[^']*'|[^\s-]\S*)"""
    ),
    regex(r"(://)[^/\s@]+(?=@)"),
    regex(r"(?i)(bearer )[^\s'\"]+"),
)
# First words that only a shell knows: `exec` cannot replace the shell with them.
_SHELL_WORDS = {
    *("cd", "export", "unset", "set", "source", ".", "eval", "exec", "if", "for", "while", "until", "case"),
    *("{", "(", "!", "[[", "trap", "ulimit", "umask", "wait", "read", "alias", "time", "function", "select"),
    *(":", "return", "exit", "shift", "local", "declare", "let"),
}
# Known to the shell, and programs as well: no file is needed where a shell runs the command anyway.
_BUILTINS = _SHELL_WORDS | {
    *(
        "echo",
        "true",
        "false",
        "test",
        "[",
        "printf",
        "kill",
        "command",
        "type",
        "times",
        "pwd",
        "hash",
        "jobs",
    ),
    *("getopts", "readonly", "break", "continue", "bg", "fg"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A leading `NAME=text` of a command; `text` is None where only a shell can tell it."""

    name: str
    raw: str
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command text, taken apart.

    Attributes:
        assignments: leading `VAR=x`.
        rest: the text after them.
        words: the words of `rest` when no shell is needed; None otherwise.
        is_single: one simple command (perhaps with expansions or redirections): `exec` may replace the shell.
        program: its first word, quotes removed; "" when it cannot be known.
    """

    assignments: tuple[Assignment, ...]
    rest: str
    words: tuple[str, ...] | None
    is_single: bool
    program: str


@lru_cache(maxsize=1024)
def read(text: str) -> Command:
    """Take `text` apart."""
    assignments, rest = _assignments(text.strip())
    words = _plain_words(rest)
    program = words[0] if words else _first_word(rest)
    is_single = bool(program) and program not in _SHELL_WORDS and not _has_operator(rest)
    if words is not None and program in _SHELL_WORDS:
        words = None
    return Command(assignments=assignments, rest=rest, words=words, is_single=is_single, program=program)


def outline(text: str) -> str:
    """The command on one line, as it may be told: what is assigned, and what follows secret options, left out."""
    for pattern in _VALUES:
        text = pattern.sub(r"\1…", text)
    return " ".join(text.split())


def needs_no_file(program: str) -> bool:
    """Whether a shell runs `program` without looking for a file of that name."""
    return program in _BUILTINS


def default_of(raw: str) -> str | None:
    """`raw` with each `${VAR:-text}` replaced by its default; None when something else has to be expanded."""
    replaced = _DEFAULT.sub(lambda match: match[3], raw)
    return _plain(replaced)


def _assignments(text: str) -> tuple[tuple[Assignment, ...], str]:
    found: list[Assignment] = []
    while _ASSIGNMENT.match(text):
        match = _word_match(text)
        if match is None:
            break
        name, _, raw = match.partition("=")
        found.append(Assignment(name=name, raw=raw, text=_plain(raw)))
        text = text[len(match) :].lstrip()
    return tuple(found), text


def _word_match(text: str) -> str | None:
    """The first word, `${A:-b c}` and `$(…)` kept whole."""
    at = 0
    while at < len(text) and not text[at].isspace() and text[at] not in ";&|<>":
        if text.startswith(("${", "$("), at):
            at = _closing(text, at + 1)
        elif text[at] in "\"'`":
            at = _quote_end(text, at)
        else:
            at += 2 if text[at] == "\\" else 1
    return text[: min(at, len(text))] or None


def _closing(text: str, at: int) -> int:
    opening, closing = text[at], {"{": "}", "(": ")"}[text[at]]
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == opening:
            depth += 1
        elif text[at] == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def _quote_end(text: str, at: int) -> int:
    quote = text[at]
    at += 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" and quote != "'" else 1
    return at + 1


def _plain(raw: str) -> str | None:
    """The text of one word that needs no expansion."""
    if not raw:
        return ""
    words = _plain_words(raw)
    return words[0] if words is not None and len(words) == 1 else None


def _plain_words(text: str) -> tuple[str, ...] | None:
    """The words, or None when a shell has something to do."""
    for kind, part in _pieces(text):
        if kind == "bare" and (set(part) & _ACTIVE):
            return None
        if kind == "double" and set(part) & set("$`"):
            return None
    if re.search(r"(?:^|\s)[~#]|=~", text):
        return None
    if set(text).isdisjoint("\"'\\"):  # as most are: then this is all that `shlex` does
        return tuple(word for word in re.split(r"[ \t\r]+", text) if word)
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError:
        return None


def _pieces(text: str) -> list[tuple[str, str]]:
    """Runs of bare, double-quoted, single-quoted and escaped text."""
    pieces: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            pieces.append(("escaped", text[at : at + 2]))
            at += 2
        elif sign in "\"'":
            end = _quote_end(text, at)
            kind = "double" if sign == '"' else "single"
            pieces.append((kind, re.sub(r"\\.", "", text[at + 1 : end - 1]) if sign == '"' else ""))
            at = end
        else:
            pieces.append(("bare", sign))
            at += 1
    return pieces


def _first_word(text: str) -> str:
    word = _word_match(text) or ""
    return _plain(word) or ""


def _has_operator(text: str) -> bool:
    """Whether the text is more than one simple command."""
    at = 0
    while at < len(text):
        if text.startswith(("${", "$("), at):
            at = _closing(text, at + 1)
        elif text[at] in "\"'`":
            at = _quote_end(text, at)
        elif text[at] == "\\":
            at += 2
        elif text[at] in ";|\n()" or (text[at] == "&" and text[at - 1 : at] not in ("<", ">")):
            return True
        else:
            at += 1
    return False
