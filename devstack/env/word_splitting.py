"""`export $(cat .env | xargs)`, `eval $(cat .env)`: what becomes of a file's text when a shell substitutes it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from devstack.patterns import regex

_WHOLE = regex(r"eval\s[^$`]*\"\s*(?:\$|`)")
_KEEPS_QUOTES = regex(r"xargs\s[^|)]*(?:-d|-0|--delimiter|--null)")
_NAME = regex(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def exported(text: str, command: str) -> Mapping[str, str] | None:
    """Name → text that `command` exports of the file's `text`; None where it stops with an error.

    Lines that a `grep -v '#'` takes out are left out. Only `xargs` takes quotes and backslashes off, and the shell
    splits again what it prints; without it they stay part of the values.
    """
    joined = "\n".join(_lines(text, command))
    if "xargs" in command and not _KEEPS_QUOTES.search(command):
        try:
            joined = " ".join(shlex.split(joined))
        except ValueError:
            return None
    pairs = (word.partition("=") for word in joined.split())
    return {name: value for name, equals, value in pairs if equals and _NAME.match(name)}


def evaluated(text: str, command: str) -> str:
    """The text that `eval` gets from `command`: without quotes around `$(…)` it is one long line."""
    lines = _lines(text, command)
    is_whole = _WHOLE.search(command) is not None
    return "\n".join(lines) + "\n" if is_whole else " ".join(" ".join(lines).split()) + "\n"


def _lines(text: str, command: str) -> list[str]:
    """Those that reach the shell: `grep` and `sed` are there to take comments out."""
    lines = text.splitlines()
    if "grep" in command or "sed" in command:
        lines = [line for line in lines if not line.lstrip().startswith("#")]
    return lines
