"""Simple references of many texts, all replaced at once: a file of a megabyte has sixty thousand of them.

A text is simple where what becomes of it does not depend on the order in which a program replaces its references,
and where nothing is put in that could be one. Any other text is left to the program's own algorithm.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Set
from itertools import chain, repeat
from operator import ne

from devstack.env.loaders import ecmascript
from devstack.patterns import regex

BETWEEN = "\ud801"  # stands between texts; no decoded text holds it
_NOT_SIMPLE = "\\"  # a text with a backslash is left alone, and so is what refers to one
_LONGEST = (
    1_000  # characters of a text; where more are copied for each reference, the programs reach their limits
)
_MOST = 4_000_000  # characters of what comes in, and of texts that refer to each other
_TWO_BARE = regex(rf"\$(?!\{{)[^{BETWEEN}]*?\$(?!\{{)")
_ROUNDS = 3  # references in each other's defaults that are followed


class Known:
    """What references are replaced by, as far as that is sure.

    Attributes:
        exported: what is preferred to a default.
        texts: what is there beside a default.
        fixed: names that stay what they are when the program has expanded them.
    """

    def __init__(
        self,
        parsed: Mapping[str, str],
        process: Mapping[str, str],
        *,
        fixed: Set[str] = frozenset(),
        unsure: Iterable[str] = (),
        files_after_defaults: bool = False,
    ) -> None:
        """Take what files say, and what goes over it; `unsure` are names that are left alone."""
        self.fixed = fixed
        self.texts = {**parsed, **process}
        self.exported = dict(process) if files_after_defaults else self.texts
        unsure = [*unsure, *ecmascript.INHERITED, *(name for name, text in process.items() if "$" in text)]
        # Exported, but empty: some programs then take what a file says, as long as they have not come to it.
        empty = [name for name, text in process.items() if not text and parsed.get(name)]
        self.texts.update(dict.fromkeys([*unsure, *empty], _NOT_SIMPLE))
        self.exported.update(dict.fromkeys(unsure, _NOT_SIMPLE))

    def learn(self, name: str, text: str) -> None:
        """This has become of `name`."""
        if name not in self.fixed and name not in ecmascript.INHERITED:
            self.texts[name] = _NOT_SIMPLE if "$" in text else text

    def forget(self, names: Iterable[str]) -> None:
        """What becomes of `names` is not known yet."""
        self.texts.update(dict.fromkeys(names, _NOT_SIMPLE))


class Simple:
    """What simple references look like to one program."""

    def __init__(
        self,
        *,
        name: str,
        operator: str,
        default: str,
        bare: str,
        anything: re.Pattern[str],
        is_one_pass: bool = False,
        takes_last: bool = False,
    ) -> None:
        """Take patterns, none of which captures or goes beyond `BETWEEN`.

        Args:
            name: in braces.
            operator: what stands between name and default.
            default: without `$`, backslash and closing brace.
            bare: a name without braces, with what may not follow it.
            anything: finds whatever the program may take for a reference, or else must be looked at.
            is_one_pass: the program does not look for references in what it has made of others.
            takes_last: it takes the last reference, and replaces the first text that looks like it.
        """
        self._reference = regex(rf"\$(?:\{{({name})(?:{operator}({default}))?+\}}|({bare}))")
        self._rounds = 1 if is_one_pass else _ROUNDS
        self._takes_last = takes_last
        self._anything = anything

    def expanded(self, texts: Mapping[str, str], known: Known) -> dict[str, str]:
        """What becomes of those of `texts` that are simple, where all with a `$` are among them."""
        known.forget(texts)
        now = self._asked(texts)
        made: dict[str, str] = {}
        for _ in range(self._rounds if now else 0):
            replaced = self._replaced(now, known)
            after = dict(zip(now, replaced.split(BETWEEN), strict=True))
            if "$" not in replaced and _NOT_SIMPLE not in replaced:
                made.update(after)
                break
            made.update(
                (name, text)
                for name, text in after.items()
                if _NOT_SIMPLE not in text and self._is_done(text, texts[name])
            )
            # What is put in may become part of another reference, but for those that stand in braces.
            now = {
                name: text
                for name, text in after.items()
                if "$" in text and _NOT_SIMPLE not in text and text != now[name] and not _bare(texts[name])
            }
            if not now:
                break
            known.forget(texts)
        return made

    def _asked(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Those of `texts` that may be simple, in the order in which they are expanded."""
        if any(map(str.isdigit, texts)):
            texts = {name: texts[name] for name in ecmascript.in_property_order(texts)}
        if max(map(len, texts.values()), default=0) > _LONGEST:
            texts = {name: text for name, text in texts.items() if len(text) <= _LONGEST}
        if self._takes_last and _TWO_BARE.search(BETWEEN.join(texts.values())):
            texts = {name: text for name, text in texts.items() if _bare(text) < 2}
        return texts

    def _is_done(self, text: str, written: str) -> bool:
        """Whether `text` is what the program ends with, because it has no reference any more, or never had one."""
        return "$" not in text or (text == written and self._anything.search(text) is None)

    def _replaced(self, texts: Mapping[str, str], known: Known) -> str:
        """`texts` with their references replaced once."""
        pieces = self._reference.split(BETWEEN.join(texts.values()))
        literals, defaults = pieces[::4], pieces[2::4]
        names = [braced or bare for braced, bare in zip(pieces[1::4], pieces[3::4], strict=True)]
        if not (texts.keys().isdisjoint(names) or texts.keys() <= known.fixed):
            return _in_order(texts, literals, zip(names, defaults, strict=True), known)
        exported, files = known.exported.get, known.texts.get
        values = list(map(files, names, repeat("")))
        if any(defaults):
            rows = zip(names, defaults, values, strict=True)
            values = [exported(name) or default or value for name, default, value in rows]
        if sum(map(len, values)) > _MOST:
            return BETWEEN.join([_NOT_SIMPLE] * len(texts))
        pieces = [""] * (2 * len(names) + 1)
        pieces[::2], pieces[1::2] = literals, values
        return "".join(pieces)


def _in_order(
    texts: Collection[str], literals: list[str], references: Iterable[tuple[str, str | None]], known: Known
) -> str:
    """The same where `texts` refer to others of them: what has become of earlier ones is known."""
    exported, files = known.exported.get, known.texts.get
    names, made = iter(texts), []
    begun, left = "", _MOST
    literals[-1] += BETWEEN
    for literal, (name, default) in zip(literals, chain(references, [("", None)]), strict=True):
        if BETWEEN in literal:
            *ends, start = literal.split(BETWEEN)
            for end in ends:
                made.append(begun + end)
                known.learn(next(names), made[-1])
                begun = ""
            begun = start
        else:
            begun += literal
        value = exported(name) or default or files(name, "")
        begun += value
        left -= len(value)
        if left < 0:
            break
    return BETWEEN.join([*made, *[_NOT_SIMPLE] * (len(texts) - len(made))])


def _bare(text: str) -> int:
    """How many references of `text` do not stand in braces."""
    return text.count("$") - text.count("${")


def is_altered(parsed: Mapping[str, str], process: Mapping[str, str]) -> bool:
    """Whether something else than what a file says is exported."""
    return any(map(ne, map(process.get, parsed, parsed.values()), parsed.values()))
