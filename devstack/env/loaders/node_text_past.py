"""`util.parseEnv` and `node --env-file` of past releases: 20.13 to 20.19.4, 22.0 to 22.15, 23.

Measured with 6,000 generated texts over 47 releases: four grammars came before those of 20.19.5 and 22.16. What they
have in common: the last line is read once more behind its first `=`, unless a newline ends it, and a comment there
belongs to the value.
"""

from __future__ import annotations

from collections.abc import Callable

from devstack.env.loaders import node_text
from devstack.env.loaders.definitions import Definitions, Ignored, Lines, Parsed
from devstack.env.loaders.statements import Repeated
from devstack.patterns import regex
from devstack.records import dataclass

_QUOTES = "'\"`"
_NO_STATEMENT = regex("(?:(?:#[^\n]*+)?\n)*+")
_LINE = regex("[^\n]+")
_SPACE = {space: regex(f"[{space}]*+") for space in (" ", " \t\n")}
_OFTEN = 30_000_000  # characters of a last line that are read again; a real one has a few hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grammar:
    """One of them.

    Attributes:
        space: what is trimmed.
        trims_first: space behind `=` goes before a quote is looked for.
        rereads_quoted: how far before a quoted value reading goes on, when no newline follows it.
        empty_first: an empty value is taken before anything else, with what stands before its name.
        usual: assignments that nothing of this concerns; also those below lines that become part of a name.
    """

    space: str
    trims_first: bool
    rereads_quoted: int
    empty_first: bool = False
    usual: tuple[Repeated, Repeated]


_TRIMMED = (node_text.usual20(r"[^= \n]"), node_text.usual20("[^= ]"))
_UNTRIMMED = r"(?! ++[\n#])"  # of spaces alone, it takes the `=`
_SPACE_13 = _Grammar(
    space=" ",
    trims_first=False,
    rereads_quoted=1,
    usual=(node_text.usual20(r"[^= \n]", _UNTRIMMED), node_text.usual20("[^= ]", _UNTRIMMED)),
)
_TRIMMED_17 = _Grammar(space=" ", trims_first=True, rereads_quoted=1, usual=_TRIMMED)
_REREAD_19 = _Grammar(space=" ", trims_first=True, rereads_quoted=0, usual=_TRIMMED)
_EMPTY_22_15 = _Grammar(
    space=" \t\n",
    trims_first=True,
    rereads_quoted=0,
    empty_first=True,
    usual=(node_text.usual20(r"[^= \t\n]", r"(?!\n)[ \t\n]*+(?=[^\n#])", r" \t"),) * 2,
)
# Major version: from which minor and patch on; newest first. What is newer is in `node_text`.
_SINCE: dict[int, tuple[tuple[tuple[int, int], _Grammar | None], ...]] = {
    20: (((19, 5), None), ((19, 0), _REREAD_19), ((17, 0), _TRIMMED_17), ((0, 0), _SPACE_13)),
    21: (((0, 0), _SPACE_13),),  # and 22.0: nearest; they apply a regular expression of their own
    22: (
        ((16, 0), None),
        ((15, 0), _EMPTY_22_15),
        ((13, 0), _REREAD_19),
        ((6, 0), _TRIMMED_17),
        ((0, 0), _SPACE_13),
    ),
    23: (((9, 0), _EMPTY_22_15), ((4, 0), _REREAD_19), ((0, 0), _TRIMMED_17)),
}


def parser(version: str) -> Callable[[str], Parsed] | None:
    """How the release, such as `22.12`, reads; None where it does what the last one of its line does."""
    major, *rest = (int(part) for part in version.split("."))
    release = (rest[0], rest[1] if len(rest) > 1 else 0)
    grammar = next((one for since, one in _SINCE.get(major, ()) if release >= since), None)
    return None if grammar is None else lambda text: _Reader(text.replace("\r", ""), grammar).parsed()


class _Reader:
    """Reads one text; `position` is where what is not read yet begins."""

    def __init__(self, text: str, grammar: _Grammar) -> None:
        self.text = text = text.rstrip(grammar.space)
        self.ended = text[: text.rfind("\n") + 1]  # what lines hold that a newline ends
        self.grammar = grammar
        self.position = self._behind_space(0)
        self.rows, self.ignored, self.lines = Definitions(), Ignored(), Lines(text)
        self.again = 0

    def parsed(self) -> Parsed:
        """Read it all."""
        while self.position < len(self.text) and self.again < _OFTEN:
            self._take_usual()
            equal = self.text.find("=", self.position)
            if equal < 0:
                self._drop_rest()
                break
            if not self._statement(equal):
                self.ignored.note(
                    self.lines.at(equal), "file-dropped", "Node stops reading at a line without a name"
                )
                break
        if self.again >= _OFTEN:
            message = (
                "Node reads the last line again from each `=` on, which takes minutes: end it with a newline"
            )
            self.ignored.note(self.text.count("\n") + 1, "hang", message, fatal=True)
            self.rows = Definitions()
        return self.ignored.parsed(self.rows)

    def _take_usual(self) -> None:
        found = _NO_STATEMENT.match(self.text, self.position)
        self.position = found.end() if found else self.position
        if self.position < len(self.ended):
            space = self.grammar.space
            usual = self.grammar.usual[self.ignored.is_full]
            self.position = usual.take(self.ended, self.position, space, lines=self.lines, rows=self.rows)

    def _statement(self, equal: int) -> bool:
        """Take the statement whose `=` is given; False where Node stops."""
        start, line = self.position, self.lines.at(self.position)
        name = self._trimmed(start, equal)
        if "\n" in name and not self.ignored.is_full:
            message = "Node takes this line for the beginning of the next key"
            self.ignored.note(line, "next-key-lost", message)
        self.position = equal + 1
        is_empty = self.text[self.position : self.position + 1] in ("", "\n")
        if self.grammar.empty_first and is_empty:
            self._add(name, "", "", equal)
            self.position += 1
            return True
        if self.grammar.trims_first:
            self.position = self._behind_space(self.position)
        if not name:
            return False
        self._value(name.removeprefix("export "), equal)
        return True

    def _value(self, name: str, equal: int) -> None:
        start = self.position
        if start >= len(self.text):
            self._add(name, "", "", equal)
            return
        quote = self.text[start]
        closing = self.text.find(quote, start + 1) if quote in _QUOTES else -1
        if closing >= 0:
            value = self.text[start + 1 : closing]
            value = value.replace("\\n", "\n") if quote == '"' else value
            self._add(name, value, self.text[start : closing + 1], equal)
            self._go_on(closing + 1, start - self.grammar.rereads_quoted)
            return
        newline = self.text.find("\n", start)
        if quote in _QUOTES:
            if newline >= 0:
                value = self.text[start:newline]
                self._add(name, value, value, equal)
            else:
                message = "a quote that is never closed on the last line"
                self.ignored.note(self.lines.at(equal), "line-dropped", message)
        else:
            end = newline if newline < 0 else self._without_comment(start, newline)
            value = self._trimmed(start, len(self.text) if end < 0 else end)
            self._add(name, value, value, equal)
        self._go_on(start, start)

    def _without_comment(self, start: int, newline: int) -> int:
        hash_sign = self.text.find("#", start, newline)
        return newline if hash_sign < 0 else hash_sign

    def _go_on(self, position: int, otherwise: int) -> None:
        """Go on behind the next newline, or where there is none at `otherwise`: Node's own slip."""
        newline = self.text.find("\n", position)
        if newline >= 0:
            self.position = newline
        else:
            self.position = otherwise
            self.again += len(self.text) - otherwise

    def _add(self, name: str, value: str, raw: str, equal: int) -> None:
        self.rows.append(
            (name, value, raw, self.text.count("\n", 0, equal) + 1 if self.again else self.lines.at(equal))
        )

    def _behind_space(self, position: int) -> int:
        found = _SPACE[self.grammar.space].match(self.text, position)
        return found.end() if found else position

    def _trimmed(self, start: int, end: int) -> str:
        """What stands there, without space at its ends; of spaces alone, the older ones give what is before them."""
        trimmed = self.text[start:end].strip(self.grammar.space)
        if not trimmed and start < end and self.grammar.space == " ":
            return self.text[max(start - 1, 0) : start].strip(" ")
        return trimmed

    def _drop_rest(self) -> None:
        message = "no assignment, so the line is ignored"
        for found in _LINE.finditer(self.text, self.position):
            if self.ignored.is_full:
                break
            self.ignored.drop(found.group(), self.lines.at(found.start()), message)
