"""Versions and the ranges in which npm, Node and Python projects write them."""

from __future__ import annotations

import re
from itertools import zip_longest

from devstack.patterns import regex

Version = tuple[int, ...]

_VERSION = regex(r"v?(\d+)(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?")
_COMPARATOR = regex(r"(>=|<=|>|<|=|\^|~=|~>|~|==|!=)?\s*(v?[\dxX*][\w.*+-]*)")


def parse(text: str) -> Version | None:
    """The numbers of `v20.11.1`; None when there are none."""
    found = re.match(r"\s*v?(\d+(?:\.\d+)*)", text)
    return None if found is None else tuple(int(part) for part in found.group(1).split("."))


def shown(version: Version) -> str:
    """`20.11.1`."""
    return ".".join(str(part) for part in version)


def satisfies(version: Version, wanted: str) -> bool | None:
    """Whether `version` lies in an npm range or a Python specifier; None when the range is not understood."""
    alternatives = [part.strip() for part in wanted.split("||")]
    answers = [_all(version, alternative) for alternative in alternatives]
    if any(answers):
        return True
    return None if None in answers else False


def _all(version: Version, text: str) -> bool | None:
    if text in ("", "*", "x", "latest"):
        return True
    hyphen = re.fullmatch(r"(\S+)\s+-\s+(\S+)", text)
    if hyphen:
        low, high = parse(hyphen.group(1)), parse(hyphen.group(2))
        return None if low is None or high is None else low <= version and version[: len(high)] <= high
    comparators = _COMPARATOR.findall(text)
    if not comparators or re.sub(r"[\s,]", "", _COMPARATOR.sub("", text)):
        return None
    answers = [_one(version, operator, number) for operator, number in comparators]
    return None if None in answers else all(answers)


def _one(version: Version, operator: str, text: str) -> bool | None:
    found = _VERSION.match(text)
    if found is None:
        return None
    wanted = tuple(int(part) for part in found.groups() if part is not None and part.isdigit())
    if operator in ("", "=", "=="):
        return version[: len(wanted)] == wanted
    if operator == "!=":
        return version[: len(wanted)] != wanted
    if operator == "^":
        fixed = next((index for index, part in enumerate(wanted) if part), 0) + 1
        return compare(version, wanted) >= 0 and version[:fixed] == wanted[:fixed]
    if operator in ("~", "~>"):
        return (
            compare(version, wanted) >= 0 and version[:2] == wanted[:2]
            if len(wanted) > 1
            else version[:1] == wanted
        )
    if operator == "~=":
        return compare(version, wanted) >= 0 and version[: len(wanted) - 1] == wanted[:-1]
    order = compare(version, wanted)
    if operator == ">":
        return version[: len(wanted)] > wanted
    return {">=": order >= 0, "<": order < 0, "<=": version[: len(wanted)] <= wanted}[operator]


def compare(left: Version, right: Version) -> int:
    """Negative, zero or positive; missing numbers count as zero."""
    for one, other in zip_longest(left, right, fillvalue=0):
        if one != other:
            return one - other
    return 0
