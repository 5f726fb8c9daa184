"""The words of a POSIX shell that need nothing but variables: plain text, quotes, escapes and `${NAME:-default}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from devstack.env.loaders.columns import at_once, is_one_string, without_quotes
from devstack.env.loaders.flat import References, joined
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

# Runs of plain, single-quoted, double-quoted or escaped text.
SEGMENT = regex(
    r"""(?:'[^']*+')++|(?:"[^"\\]*+")++|"(?:[^"\\]++|\\[\s\S])*+"|(?:\\[\s\S])++|\\\Z|[^'"\\]++"""
)
_NAMES = regex(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")

# Stand for a backslash and a dollar sign that are no longer special; no decoded text holds them.
_BACKSLASH = "\ud800"
_DOLLAR = "\ud801"

_REFERENCES = References(NAME)


def text_of(word: str, known: Mapping[str, str]) -> str:
    """What becomes of a whole `WORD`; `known` has valid names only. Raises MultipliedError."""
    if "$" not in word and "\\" not in word:  # quotes are taken away, unless one kind protects the other
        if '"' not in word:
            return word.replace("'", "")
        if "'" not in word:
            return word.replace('"', "")
    if '"' not in word and "'" not in word:
        if "\\" not in word:
            return _REFERENCES.expanded(word, known)
        if "$" not in word and word[-1] != "\\":
            return _bare(word)
    if word[0] == '"' and "\\" not in word and '"' not in (inner := word[1:-1]):
        return _REFERENCES.expanded(inner, known)
    if word[0] == '"' and '"' not in word[1:-1].replace("\\\\", "").replace('\\"', ""):
        return _unquoted(word, known)
    segments = SEGMENT.findall(word)
    made = {segment: _unquoted(segment, known) for segment in dict.fromkeys(segments)}
    return joined([made[segment] for segment in segments])


def fixed_texts(words: Iterable[str]) -> dict[str, str]:
    """What becomes of those words that refer to nothing; many with escapes take one step."""
    fixed = [word for word in words if "$" not in word]
    made = {word: text_of(word, {}) for word in fixed if "\\" not in word}
    if len(made) == len(fixed):
        return made
    escaped = [word for word in fixed if "\\" in word]
    made |= without_quotes(filter(is_one_string, escaped), _unescaped)
    bare = [word for word in escaped if not ("'" in word or '"' in word or word[-1] == "\\")]
    made.update(zip(bare, at_once(bare, _bare), strict=True))
    made.update((word, text_of(word, {})) for word in escaped if word not in made)
    return made


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
        return _REFERENCES.expanded(segment, known)
    if "\\" not in inner:
        strings = inner.split('""')
        made = {string: _REFERENCES.expanded(string, known) for string in dict.fromkeys(strings)}
        return joined([made[string] for string in strings])
    inner = inner.replace("\\\\", _BACKSLASH).replace("\\\n", "").replace("\\$", _DOLLAR)
    inner = inner.replace('\\"', '"').replace("\\`", "`")
    return _REFERENCES.expanded(inner, known).replace(_BACKSLASH, "\\").replace(_DOLLAR, "$")


def _bare(text: str) -> str:
    """The text of words without quotes, of which none ends in a backslash."""
    if "\\" not in text:
        return text
    return text.replace("\\\\", _BACKSLASH).replace("\\\n", "").replace("\\", "").replace(_BACKSLASH, "\\")


def _unescaped(quote: str, inner: str) -> str:
    """What stands in quotes that hold none of their kind, and refer to nothing."""
    if quote == "'" or "\\" not in inner:
        return inner
    inner = inner.replace("\\\\", _BACKSLASH).replace("\\\n", "").replace("\\`", "`")
    return inner.replace(_BACKSLASH, "\\")
