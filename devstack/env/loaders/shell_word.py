"""The words of a POSIX shell that need nothing but variables: plain text, quotes, escapes and `${NAME:-default}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devstack.env.loaders.python_dotenv import LONGEST
from devstack.patterns import regex

NAME = "[A-Za-z_][A-Za-z0-9_]*+"
_PLAIN = r"[^ \t\n'\"\\$`;&|<>()~]"
# A shell joins continued lines before it looks for the end of a name.
_REFERENCE = rf"\$(?:{NAME}(?!\\\n)|\{{{NAME}(?::?[-+][^{{}}$`\\'\"~]*+)?+\}}"
# A `$` in front of these stands for itself; in front of a quote only inside quotes, as shells differ.
_ALONE = r"[\t\n ;/.,:=%+\]}^]|\\(?!\n)"
_DOUBLE = rf'"(?:[^"$`\\]++|\\[\s\S]|{_REFERENCE}|(?={_ALONE}|[\'"&|<>)~])))*+"'
WORD = rf"(?:{_PLAIN}++|'[^']*+'|\\(?:[\s\S]|\Z)|{_DOUBLE}|{_REFERENCE}|(?={_ALONE}|\Z)))*+"
SIMPLE_WORD = rf"(?:{_PLAIN}++|{_REFERENCE}|(?={_ALONE}|\Z)))*+"

_QUOTING = regex(r"['\"\\]")
_SEGMENT = regex(
    r"""(?:'[^']*+')++|(?:"[^"\\]*+")++|"(?:[^"\\]++|\\[\s\S])*+"|(?:\\[\s\S])++|\\\Z|[^'"\\]++"""
)
_PIECE = regex(rf"({NAME})|\{{({NAME})(?:(:?[-+])([^}}]*+))?+\}}")
_NAMES = regex(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")

# Stand for a backslash and a dollar sign that are no longer special; no decoded text holds them.
_BACKSLASH = "\ud800"
_DOLLAR = "\ud801"


_FEW = 8  # references in one word

Reference = tuple[str, str | None, str, str]
"""The name, the operator, the text behind it, and the text behind the reference."""
Template = tuple[str, tuple[Reference, ...]]


class MultipliedError(Exception):
    """References make a text longer than anything that can be meant."""


def text_of(word: str, known: Mapping[str, str]) -> str:
    """What becomes of a whole `WORD`; `known` has valid names only. Raises MultipliedError."""
    if "$" not in word and "\\" not in word:  # quotes are taken away, unless one kind protects the other
        if '"' not in word:
            return word.replace("'", "")
        if "'" not in word:
            return word.replace('"', "")
    if word[0] == '"' and not _QUOTING.search(inner := word[1:-1]):
        return _expanded(inner, known)
    if not _QUOTING.search(word):
        return _expanded(word, known)
    segments = _SEGMENT.findall(word)
    made = {segment: _unquoted(segment, known) for segment in dict.fromkeys(segments)}
    return _joined([made[segment] for segment in segments])


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    return tuple(dict.fromkeys(_NAMES.findall(text)))


def _unquoted(segment: str, known: Mapping[str, str]) -> str:
    """The text of plain pieces, or of quoted or escaped ones that follow each other."""
    inner = segment[1:-1]
    if segment[0] == "'":
        return inner.replace("''", "")
    if segment[0] == "\\":  # at the end of the file it stands for itself
        return segment[1::2].replace("\n", "") if len(segment) > 1 else segment
    if segment[0] != '"':
        return _expanded(segment, known)
    if "\\" not in inner:
        strings = inner.split('""')
        made = {string: _expanded(string, known) for string in dict.fromkeys(strings)}
        return _joined([made[string] for string in strings])
    inner = inner.replace("\\\\", _BACKSLASH).replace("\\\n", "").replace("\\$", _DOLLAR)
    inner = inner.replace('\\"', '"').replace("\\`", "`")
    return _expanded(inner, known).replace(_BACKSLASH, "\\").replace(_DOLLAR, "$")


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """`text` without quoting; each different piece of it is worked out once."""
    start, *pieces = text.split("$")
    if len(pieces) == 1:
        return start + _piece(pieces[0], known)
    made = {piece: _piece(piece, known) for piece in dict.fromkeys(pieces)}
    return start + _joined([made[piece] for piece in pieces])


def _piece(piece: str, known: Mapping[str, str]) -> str:
    """What stands behind a `$`, up to the next one."""
    name, _, rest = piece[1:].partition("}")
    if piece[:1] == "{" and (value := known.get(name)) is not None:
        return value + rest
    return _applied(_parsed(piece), known)


def template_of(word: str) -> Template | None:
    """The parts of a word with a few references and no quotes: for words that come again and again."""
    inner = word[1:-1] if word[0] == '"' else word
    start, *pieces = inner.split("$")
    if len(pieces) > _FEW or _QUOTING.search(inner):
        return None
    return start, tuple([_parsed(piece) for piece in pieces])


def filled(template: Template, known: Mapping[str, str]) -> str:
    """The text of a template. Raises MultipliedError."""
    text, references = template
    for reference in references:
        name, operator, _, rest = reference
        text += _applied(reference, known) if operator is not None else known.get(name, "") + rest
    if len(text) > LONGEST:
        raise MultipliedError
    return text


def _parsed(piece: str) -> Reference:
    found = _PIECE.match(piece)
    if found is None:
        return "", "+", "", "$" + piece  # no reference: nothing is called so
    named, braced, operator, argument = found.groups()
    return named or braced, operator, argument or "", piece[found.end() :]


def _applied(reference: Reference, known: Mapping[str, str]) -> str:
    name, operator, argument, rest = reference
    value = known.get(name)
    if operator is None:
        return (value or "") + rest
    is_there = value is not None and not (operator[0] == ":" and value == "")
    if operator[-1] == "-":
        return ((value or "") if is_there else argument) + rest
    return (argument if is_there else "") + rest


def _joined(parts: Sequence[str]) -> str:
    if sum(map(len, parts)) > LONGEST:
        raise MultipliedError
    return "".join(parts)
