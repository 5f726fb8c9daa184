"""dotenv-expand 11 and the one inside Vite 5: one pass over the text, references resolved by recursion."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders.ecmascript import in_property_order
from devstack.env.loaders.expand_many import BETWEEN, Known, Simple, is_altered
from devstack.env.loaders.expansion import Overflow, Undecided, Work
from devstack.patterns import regex

_INNERMOST = r"(?:\$\{[^}]*\}|[^}])"
_INNER = rf"(?:\$\{{{_INNERMOST}*\}}|[^}}])"
_DEFAULT = rf"(?:\$\{{{_INNER}*\}}|[^}}])+"
_REFERENCE = regex(rf"(\\)?\$(?!\()\{{?([0-9A-Za-z_.]+)(?::?-({_DEFAULT}))?\}}?")
_NAMES = regex(r"(?<!\\)\$(?!\()\{?([0-9A-Za-z_.]+)")

_SIMPLE = Simple(
    name="[0-9A-Za-z_.]++",
    operator=":?-",
    default=rf"[^}}$\\{BETWEEN}]++",
    bare="[0-9A-Za-z_.]++(?![}-]|:-)",
    anything=_REFERENCE,
    is_one_pass=True,
)

_DEPTH = 100  # references through references that are followed before the answer is "unknown"
_NESTING = 2_000_000  # steps of the pattern for nested defaults
_LONGEST_DEFAULT = 50_000  # characters of a text with a default


class Expander:
    """Expands texts against one process environment and one (changing) map of parsed values.

    Attributes:
        keeps_self: whether `A=$A` stays as written (Vite 5) or becomes empty (dotenv-expand 11).
    """

    def __init__(
        self,
        process: Mapping[str, str],
        parsed: Mapping[str, str],
        work: Work,
        *,
        keeps_self: bool,
    ) -> None:
        self._process = process
        self._parsed = parsed
        self._keeps_self = keeps_self
        self._work = work
        self._active: set[str] = set()

    def expand(self, text: str) -> str:
        """`text` with references resolved; escapes `\\$` are left for the caller.

        Raises:
            Overflow: a cycle. Undecided: it cannot be known, or takes too long.
        """
        self._active.clear()
        self._work.begin()
        return self._resolve(text)

    def _resolve(self, text: str) -> str:
        if "$" not in text:
            return text
        if text in self._active:
            raise Overflow
        if len(self._active) > _DEPTH:
            raise Undecided("references through too many references")
        opened = text.count("${")
        if "-" in text and (opened**3 * len(text) > _NESTING or len(text) > _LONGEST_DEFAULT):
            raise Undecided("too many nested defaults")
        self._work.spend(len(text))
        self._active.add(text)
        made = _REFERENCE.sub(lambda found: self._counted(found, text), text)
        self._active.discard(text)
        return made

    def _counted(self, found: re.Match[str], text: str) -> str:
        """The replacement; its length counts as work, because texts can multiply themselves."""
        made = self._replacement(found, text)
        self._work.spend(len(made))
        return made

    def _replacement(self, found: re.Match[str], text: str) -> str:
        escaped, name, default = found.groups()
        if escaped:
            return found.group()[1:]
        self._work.check(name)
        exported = self._process.get(name)
        own = self._parsed.get(name)
        if exported:
            return exported if exported == own else self._resolve(exported)
        if own:
            if own != text:
                return self._resolve(own)
            if self._keeps_self:
                return own
        if default:
            return self._resolve(default) if default.startswith("$") else str(default)
        return ""


def expand_all(parsed: dict[str, str], process: Mapping[str, str], *, keeps_self: bool) -> dict[str, str]:
    """Expand `parsed` in place, in property order; gives the names that stay undecided, with the reason.

    Raises:
        Overflow: the program does not survive.
    """
    texts = {name: text for name, text in parsed.items() if "$" in text}
    altered = is_altered(parsed, process)
    if altered:
        texts = {name: text for name, text in texts.items() if process.get(name, text) == text}
    simple = _SIMPLE.expanded(texts, Known(parsed, process, fixed=process.keys())) if texts else {}
    if len(simple) == len(texts) and not altered:
        parsed.update(simple)
        return {}
    undecided: dict[str, str] = {}
    expander = Expander(process, parsed, Work(undecided), keeps_self=keeps_self)
    hard = [name for name, text in parsed.items() if "$" in text or name in process]
    for name in in_property_order(hard):
        text = parsed[name]
        exported = process.get(name)
        if exported is not None and exported != text:
            parsed[name] = exported.replace("\\$", "$")
        elif name in simple:
            parsed[name] = simple[name]
        elif "$" in text:
            try:
                parsed[name] = expander.expand(text).replace("\\$", "$")
            except Undecided as reason:
                undecided[name] = str(reason)
    return undecided


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    return tuple(dict.fromkeys(_NAMES.findall(text)))
