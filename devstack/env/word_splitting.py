"""`export $(cat .env | xargs)`: what a shell exports when it splits a file's text into words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from devstack.patterns import regex

_NAME = regex(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def exported(text: str, command: str) -> Mapping[str, str] | None:
    """Name → text that `command` exports of the file's `text`; None where it stops with an error.

    Lines that a `grep -v '#'` takes out are left out. Only `xargs` takes quotes and backslashes off, and the shell
    splits again what it prints; without it they stay part of the values.
    """
    lines = text.splitlines()
    if "grep" in command or "sed" in command:
        lines = [line for line in lines if not line.lstrip().startswith("#")]
    joined = "\n".join(lines)
    if "xargs" in command:
        try:
            joined = " ".join(shlex.split(joined))
        except ValueError:
            return None
    pairs = (word.partition("=") for word in joined.split())
    return {name: value for name, equals, value in pairs if equals and _NAME.match(name)}
