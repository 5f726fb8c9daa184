"""Next's expansion: the last unescaped `$` first, then the whole text again (an early dotenv-expand)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from devstack.env.loaders import ecmascript
from devstack.env.loaders.expand_many import BETWEEN, Known, Simple
from devstack.env.loaders.expansion import Overflow, Undecided, Work, feeds_itself, is_circle

# Each replacement is a recursion: between the two, the size of the stack decides (measured: 9,000-10,000).
_SURELY_FITS, _SURELY_OVERFLOWS = 8_000, 12_000

_REFERENCE = re.compile(r"\$\{?([0-9A-Za-z_]+)(?::-([^}\\]*))?\}?")
_SIMPLE = Simple(
    name="[0-9A-Za-z_]++",
    operator=":-",
    default=rf"[^}}$\\{BETWEEN}]*+",
    bare="[0-9A-Za-z_]++(?![}:$])",
    anything=_REFERENCE,
    takes_last=True,
)


def simple(
    texts: Mapping[str, str], process: Mapping[str, str], parsed: Mapping[str, str], undecided: Iterable[str]
) -> dict[str, str]:
    """What becomes of those of `texts` that need no further look."""
    known = Known(parsed, process, unsure=undecided, files_after_defaults=True)
    return _SIMPLE.expanded(texts, known)


def expand(text: str, process: Mapping[str, str], parsed: Mapping[str, str], work: Work) -> str:
    """`text` with its references resolved: process value, else default, else the file's value, else nothing.

    Raises:
        Overflow: it refers to itself, so the program's stack overflows.
        Undecided: it cannot be known.
    """
    steps = 0
    earlier = text
    work.begin()

    def lookup(name: str) -> str | None:
        return process.get(name) or parsed.get(name)

    while (found := _last_reference(text)) is not None:
        steps += 1
        if is_circle(text, steps, lookup, work) or steps > _SURELY_OVERFLOWS:
            raise Overflow
        name, default = found.groups()
        work.check(name)
        replacement = process.get(name) or default or parsed.get(name) or ""
        made = ecmascript.replace_first(text, found.group(), replacement)
        if "$" in replacement and feeds_itself(text, made, found.group(), found.start()):
            raise Overflow
        if made == earlier:  # the same text again leads to the same text again
            raise Overflow
        if steps & (steps - 1) == 0:  # kept after 1, 2, 4, 8 … steps, so that a circle of any length is met
            earlier = made
        text = made
    if steps > _SURELY_FITS:
        raise Undecided("so many references that the program's stack may overflow")
    return work.keep(text.replace("\\$", "$"))


def _last_reference(text: str) -> re.Match[str] | None:
    """What stands at the last `$` that no backslash precedes, where that is a reference."""
    position = text.rfind("$")
    while position > 0 and text[position - 1] == "\\":
        position = text.rfind("$", 0, position)
    return None if position < 0 else _REFERENCE.match(text, position)


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    found = _NAMES.findall(text)
    return tuple(dict.fromkeys(found))


_NAMES = re.compile(r"(?<!\\)\$\{?([0-9A-Za-z_]+)")
