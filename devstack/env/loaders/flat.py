"""References that hold no others: `$NAME`, `${NAME}`, `${NAME:-text}` and so on, which two programs read alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from devstack.env.loaders.columns import at_once
from devstack.env.loaders.python_values import LONGEST
from devstack.patterns import regex

Reference = tuple[str, str | None, str, str]
"""The name, the operator, the text behind it, and the text behind the reference."""

FEW = 8  # references in one text, which are not worth looking for equal ones, and texts


class MultipliedError(Exception):
    """References make a text longer than anything that can be meant."""


class RequiredError(Exception):
    """A variable that has to be there is not; the argument is its name."""


class References:
    """The references of one program.

    A `$` in front of anything but a reference stands for itself.
    """

    def __init__(self, name: str, argument: str = "[^}]*+") -> None:
        """Take the patterns of a name, and of what stands behind an operator where many texts are expanded."""
        self._piece = regex(rf"({name})|\{{({name})(?:(:?[-+?])([^}}]*+))?+\}}")
        self._each = regex(rf"\$(?:({name})|\{{({name})(?:(:?[-+])({argument}))?+\}}|(\$))")

    def expanded(self, text: str, known: Mapping[str, str]) -> str:
        """`text` with its references replaced. Raises MultipliedError, RequiredError."""
        start, *pieces = text.split("$")
        if len(pieces) <= FEW:
            for piece in pieces:
                start += self._replaced(piece, known)
            if len(start) > LONGEST:
                raise MultipliedError
            return start
        made = {piece: self._replaced(piece, known) for piece in dict.fromkeys(pieces)}
        return start + joined([made[piece] for piece in pieces])

    def all_expanded(self, texts: Collection[str], known: Mapping[str, str]) -> list[str]:
        """Each of `texts` with its references replaced, and `$$` by `$`. Raises MultipliedError."""
        made = at_once(texts, lambda text: self._at_once(text, known))
        if any(len(text) > LONGEST for text in made):
            raise MultipliedError
        return made

    def _at_once(self, text: str, known: Mapping[str, str]) -> str:
        pieces = self._each.split(text)
        names = [named or braced for named, braced in zip(pieces[1::6], pieces[2::6], strict=True)]
        values = list(map(known.get, names))
        operators, arguments, nested = pieces[3::6], pieces[4::6], []
        for at in [at for at, operator in enumerate(operators) if operator]:
            values[at] = chosen(values[at], operators[at], arguments[at])
            if values[at] is arguments[at] and "$" in arguments[at]:
                nested.append(at)
        for at, value in zip(nested, self.all_expanded([arguments[at] for at in nested], known), strict=True):
            values[at] = value
        made = [""] * len(values) * 2
        made[::2] = pieces[:-1:6]
        made[1::2] = [value or dollar or "" for value, dollar in zip(values, pieces[5::6], strict=True)]
        return "".join([*made, pieces[-1]])

    def _replaced(self, piece: str, known: Mapping[str, str]) -> str:
        """What stands behind a `$`, up to the next one."""
        name, _, rest = piece[1:].partition("}")
        if piece[:1] == "{" and name.isidentifier() and name.isascii():
            return known.get(name, "") + rest
        return _value(self._parsed(piece), known)

    def _parsed(self, piece: str) -> Reference:
        found = self._piece.match(piece)
        if found is None:
            return "", "+", "", "$" + piece  # nothing is called so
        named, braced, operator, argument = found.groups()
        return named or braced, operator, argument or "", piece[found.end() :]


class Remembered:
    """Texts of words that come again and again: with the same values of what they refer to, they are the same."""

    def __init__(
        self,
        names: Callable[[str], tuple[str, ...]],
        text: Callable[[str, Mapping[str, str]], str],
    ) -> None:
        """`names` gives what a word refers to, `text` works it out."""
        self._names_of = names
        self._work_out = text
        self._names: dict[str, tuple[str, ...]] = {}
        self._made: dict[tuple[str, tuple[str | None, ...]], str] = {}

    def text(self, word: str, known: Mapping[str, str]) -> str:
        """The text of `word`, with the errors of what works it out."""
        names = self._names.get(word)
        if names is None:
            names = self._names[word] = self._names_of(word)
        key = word, tuple(map(known.get, names))
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._work_out(word, known)
        return made


def joined(parts: Sequence[str]) -> str:
    """The parts as one text. Raises MultipliedError."""
    if sum(map(len, parts)) > LONGEST:
        raise MultipliedError
    return "".join(parts)


def chosen(value: str | None, operator: str, argument: str) -> str | None:
    """What an operator makes of a value; None = the value has to be there, and is not."""
    is_there = value is not None and not (operator[0] == ":" and value == "")
    if operator[-1] == "+":
        return argument if is_there else ""
    if operator[-1] == "-":
        return value if is_there else argument
    return value if is_there else None


def _value(reference: Reference, known: Mapping[str, str]) -> str:
    name, operator, argument, rest = reference
    value = known.get(name)
    if operator is not None:
        value = chosen(value, operator, argument)
        if value is None:
            raise RequiredError(name)
    return (value or "") + rest
