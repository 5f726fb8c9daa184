"""Characters that nobody sees make a name or a value another one.

## Why it matters
A no-break space, a zero-width space or a Cyrillic `а` pasted from a chat or a web page looks right in every
editor. The variable then has another name, or the secret another value, and the error message shows two texts
that look equal. A tab after the value is kept by some readers and dropped by others.

## Example
```
ws/.env   JWT_SECRET=0f1e2d3c⍽     # ends with U+00A0 NO-BREAK SPACE
```

## Mending
Type the line anew, or let `devstack doctor --fix` remove the characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.secrets import is_secret_name
from devstack.patterns import regex
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity
from devstack.rules.envfiles import EnvFile, is_example

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_ZERO_WIDTH = regex(r"[\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_JOINERS = regex(r"[\u200c\u200d]")
_SPACES = regex(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
CURLY = "“”‘’„‚«»"
_DASHES = regex(r"[\u2010-\u2015\u2212]")
_NAME_LINE = regex(r"\s*(?:export[ \t]+)?([^=#]*?)[ \t]*=(.*)", re.DOTALL)
# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеіјорсухѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTYXaeijopcyxsABEZHIKMNOPTYXo"
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per line."""
    inspection.need_stack()
    for path in inspection.env_paths:
        file = None if is_example(path.name) else inspection.env_file(path)
        if file is None or file.encoding in ("utf-16", "latin-1") or file.is_plain:
            continue
        yield from _in_names(inspection, file)
        yield from _in_values(inspection, file)


def _in_names(inspection: Inspection, file: EnvFile) -> Iterator[Finding]:
    if file.text.isascii():
        return
    inside = _inner_lines(file)
    for index, line in enumerate(file.lines):
        text = line.removeprefix("\ufeff") if index == 0 else line
        found = None if index + 1 in inside or text.lstrip().startswith("#") else _NAME_LINE.match(text)
        if found is None or found[1].isascii():
            continue
        name, clean = found[1], _clean_name(found[1])
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", clean, re.ASCII):
            continue
        content = file.with_lines({index + 1: line.replace(name, clean, 1)})
        place = inspection.at(file.path, index + 1, variable=clean)
        yield RULE.finding(
            f"The name on this line is not `{clean}`: it holds {_named(name)}. "
            f"Programs that read `{clean}` do not find it.",
            place,
            hint="type the name anew",
            fix=Fix(
                title=f"write `{clean}` in plain letters",
                safe=True,
                edits=(Edit(kind="rewrite", path=place.path, value=content),),
            ),
        )


def _inner_lines(file: EnvFile) -> frozenset[int]:
    """Numbers of lines that continue a quoted value."""
    return frozenset(
        line
        for each in file.assignments
        for line in range(each.line + 1, each.line + 1 + each.raw.count("\n"))
    )


def _clean_name(name: str) -> str:
    plain = _JOINERS.sub("", _SPACES.sub("", _ZERO_WIDTH.sub("", name)))
    return unicodedata.normalize("NFKC", plain.translate(_LOOKALIKE)).strip()


def _in_values(inspection: Inspection, file: EnvFile) -> Iterator[Finding]:
    for each in file.assignments:
        if "\n" in each.raw:
            continue
        raw = _raw_with_ends(file, each.line, each.raw)
        bad = _bad_value(each.name, raw)
        if bad is None and _keeps_trailing_tab(inspection, file, each.name, each.line):
            bad = "a tab at its end, which the program keeps"
        if bad is None:
            continue
        place = inspection.at(file.path, each.line, variable=each.name)
        edit = Edit(
            kind="set", path=place.path, variable=each.name, line=each.line, value=_clean_value(each.raw)
        )
        yield RULE.finding(
            f"The value of `{each.name}` holds {bad}. It looks right and compares as another text.",
            place,
            hint="type the value anew",
            fix=Fix(title="remove the characters that cannot be seen", safe=True, edits=(edit,)),
        )


def _raw_with_ends(file: EnvFile, line: int, raw: str) -> str:
    """The value with the Unicode spaces at its end, which a strip would hide."""
    whole = file.lines[line - 1].partition("=")[2]
    return whole.strip(" \t\r") if whole.strip() == raw else raw


def _bad_value(name: str, raw: str) -> str | None:
    if raw.isascii():
        return None
    inner = raw.strip("\"'")
    if _ZERO_WIDTH.search(raw) or (_JOINERS.search(raw) and _JOINERS.sub("", raw).isascii()):
        return _named(raw, _ZERO_WIDTH, _JOINERS)
    if len(raw) > 1 and raw[0] in CURLY and raw[-1] in CURLY:
        return "curly quotes, which no program takes for quotes"
    if _SPACES.search(inner[:1] + inner[-1:]):
        return _named(raw, _SPACES)
    is_token = is_secret_name(name) or "://" in raw
    if is_token and (_SPACES.search(raw) or _DASHES.search(raw)):
        return _named(raw, _SPACES, _DASHES)
    if is_token and re.search(r"[A-Za-z]", raw) and raw.translate(_LOOKALIKE) != raw:
        return _named(raw)
    return None


def _keeps_trailing_tab(inspection: Inspection, file: EnvFile, name: str, line: int) -> bool:
    if not file.lines[line - 1].endswith("\t"):
        return False
    for service in inspection.readers(file.path):
        value = inspection.environments[service].variables.get(name)
        if value is not None and value.origin.line == line and (value.text or "").endswith("\t"):
            return True
    return False


def _clean_value(raw: str) -> str:
    plain = _DASHES.sub("-", _SPACES.sub(" ", _JOINERS.sub("", _ZERO_WIDTH.sub("", raw)))).strip()
    plain = plain.strip(CURLY)
    if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "\"'":
        plain = plain[1:-1]
    return plain.translate(_LOOKALIKE).strip()


def _named(text: str, *patterns: re.Pattern[str]) -> str:
    """The characters by number and name, without the text around them."""
    found = dict.fromkeys(
        char
        for char in text
        if not char.isascii() and (not patterns or any(pattern.match(char) for pattern in patterns))
    )
    return ", ".join(f"U+{ord(char):04X} {unicodedata.name(char, 'unnamed')}" for char in found)


RULE = Rule(
    id="DS105",
    name="invisible-characters",
    severity=Severity.ERROR,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
