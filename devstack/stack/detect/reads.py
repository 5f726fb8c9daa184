"""Variables that source code reads, the chains it tries and the literals it falls back to.

Detection only: rules judge with the real parsers of `env.source`. Here a wrong guess costs a line that the
person deletes from stack.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from devstack.stack.detect.model import Evidence, Read
from devstack.stack.detect.tree import line_of

_NAME = r"[A-Z][A-Z0-9_]*"
_JS = re.compile(
    rf"""(?:process\.env|import\.meta\.env|Bun\.env)(?:\.(?P<a>{_NAME})\b|\[\s*['"](?P<b>{_NAME})['"]\s*\])"""
    rf"""|\b[cC]onfig(?:Service)?\s*\.\s*get(?:OrThrow)?(?:<[^<>()]*>)?\(\s*['"](?P<c>{_NAME})['"]"""
    r"""(?:\s*,\s*(?P<d>['"][^'"\n]*['"]|\d{2,5}))?[^()\n]*\)"""
)
_JS_NEXT = re.compile(r"\s*!?\s*(?P<op>\|\||\?\?)\s*")
_PYTHON = re.compile(
    rf"""(?:os\.)?(?:getenv\(|environ\.get\(|environ\[)\s*f?['"](?P<a>{_NAME})['"](?:\s*,\s*(?P<d>['"][^'"\n]*['"]))?\s*[)\]]"""
)
_PYTHON_NEXT = re.compile(r"\s*(?P<op>or)\s*")
_LITERAL = re.compile(r"""(?P<quote>['"`])(?P<text>[^'"`\n]*)(?P=quote)|(?P<number>\d{2,5})\b""")
_COMMENT = re.compile(r"^\s*(?://|#|\*)")


def reads(text: str, shown: str) -> Iterator[Read]:
    """Every read in one file, chains joined; comment lines are skipped."""
    is_python = shown.endswith(".py")
    pattern, operator = (_PYTHON, _PYTHON_NEXT) if is_python else (_JS, _JS_NEXT)
    at = 0
    while (match := pattern.search(text, at)) is not None:
        at = match.end()
        start = text.rfind("\n", 0, match.start()) + 1
        if _COMMENT.match(text[start : match.start() + 1]):
            continue
        names = [_name(match)]
        falls: list[bool] = []
        fallback = _default(match)
        while fallback is None and (joined := operator.match(text, at)) is not None:
            following = pattern.match(text, joined.end())
            literal = _LITERAL.match(text, joined.end())
            if following is not None and _name(following) not in names:
                names.append(_name(following))
                falls.append(joined["op"] != "??")
                at, fallback = following.end(), _default(following)
                continue
            fallback = (literal["number"] or literal["text"]) if literal else None
            break
        evidence = Evidence(path=shown, line=line_of(text, match.start()), what=f"reads {names[0]}")
        yield Read(names=tuple(names), evidence=evidence, empty_falls_through=tuple(falls), fallback=fallback)


def _name(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return next(groups[key] for key in ("a", "b", "c") if groups.get(key))


def _default(match: re.Match[str]) -> str | None:
    given = match.groupdict().get("d")
    return given.strip("'\"") if given else None
