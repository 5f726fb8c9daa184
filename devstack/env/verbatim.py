"""`include .env` of make and `while read … export`: ways to read an env file that take no quotes off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from devstack.patterns import regex
from devstack.records import dataclass

_INCLUDE = regex(r"^[ ]*(?:-|s)?include[ \t]+(?P<file>[\w./-]*\.?env[\w.-]*)[ \t]*$", re.M)
# Without one of these the names stay make's own: no program gets them.
_EXPORTS = regex(r"^[ ]*(?:export[ \t]*$|export[ \t]+\$|\.EXPORT_ALL_VARIABLES:)", re.M)
_LOOP = regex(
    r"^(?![ \t]*#)[^\n]*?\bwhile[ \t]+(?P<read>(?:IFS=\S*[ \t]+)?read\b[^\n;]*)(?P<body>.{1,2000}?)\bdone\s*<\s*"
    r"(?:<\(\s*\w+[^)\n]*?)?[\"']?(?P<file>[\w./-]*\.?env[\w.-]*)",
    re.M | re.S,
)
_PIPED = regex(
    r"^(?![ \t]*#)[^\n]*?(?P<file>[\w./-]*\.?env[\w.-]*)[\"']?[ \t]*\|[ \t]*while[ \t]+"
    r"(?P<read>(?:IFS=\S*[ \t]+)?read\b[^\n;]*)(?P<body>.{1,2000}?)\bdone\b",
    re.M | re.S,
)
_HANDS_OVER = regex(r"\bexport\s+[\"']?\$")
# The loop takes quotes off itself, or lets a shell or `xargs` do so.
_TAKES_OFF = regex(r"\beval\b|\bxargs\b|\bsed\b|\btr\b|[#%]\\?[\"']|//|\bdeclare\b|\bprintf\b")
_REFERENCE = regex(r"(?<!\$)\$[({]")
_OF_ONE_LETTER = regex(r"\$(?:(\$)|.|$)")  # `$$` is a dollar, `$w` a variable that nobody has set
_LINE = regex(r"\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*(?:[:?]|::)?=[ \t]*(?P<value>[^\n]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One place where a script reads `file`, as written there; `line` is 1-based, `read` what a loop reads by."""

    file: str
    line: int
    read: str = ""

    @property
    def program(self) -> str:
        """Who reads it."""
        return "a shell loop" if self.read else "make"


def ways(text: str, *, is_makefile: bool) -> Iterator[Way]:
    """Every such place in the text of a script."""
    if is_makefile and _EXPORTS.search(text):
        for found in _INCLUDE.finditer(text):
            yield Way(file=found["file"], line=_line(text, found.start("file")))
    if "while" not in text:
        return
    for pattern in (_LOOP, _PIPED):
        for found in pattern.finditer(text):
            body = found["body"]
            if _HANDS_OVER.search(body) and not _TAKES_OFF.search(body):
                yield Way(file=found["file"], line=_line(text, found.start("read")), read=found["read"])


def given(text: str, way: Way) -> Mapping[str, str]:
    """Name → what the programs get of the file's `text`; names that make puts together of others are left out."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if line.lstrip().startswith("#"):
            continue
        if way.read:
            name, equals, value = line.partition("=")
            if equals and name.isidentifier():
                found[name] = _looped(value, way.read)
        elif matched := _LINE.match(line):
            value = re.split(r"(?<!\\)#", matched["value"])[0]
            if not _REFERENCE.search(value):
                found[matched["name"]] = _OF_ONE_LETTER.sub(lambda dollar: dollar[1] or "", value)
    return found


def _looped(value: str, read: str) -> str:
    """What `read` leaves of a value: backslashes without `-r`, the white space of IFS at its end."""
    if not re.search(r"\s-\w*r", read):
        value = re.sub(r"\\(.)", r"\1", value)
    if not read.startswith("IFS="):
        return value.rstrip(" \t")
    is_split_at_equals = read[4:7].strip("\"' ").startswith("=")
    ends = is_split_at_equals and value.endswith("=") and value.count("=") == 1
    return value[:-1] if ends else value


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
