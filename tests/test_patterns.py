from __future__ import annotations

import re
from typing import Any

import pytest

from devstack.patterns import regex, without_possessives


@pytest.mark.parametrize("text", ["(a+)(?P<end>b)?", b"(a+)(?P<end>b)?"])
def test_it_finds_what_the_compiled_one_finds(text: str | bytes) -> None:
    ours, real = regex(text, re.IGNORECASE), re.compile(text, re.IGNORECASE)
    for whole in ("xAAb aab", "", "b") if isinstance(text, str) else (b"xAAb aab", b"", b"b"):
        assert [one.span() for one in ours.finditer(whole)] == [one.span() for one in real.finditer(whole)]
        assert ours.findall(whole) == real.findall(whole)
        assert (ours.match(whole) is None) == (real.match(whole) is None)
    assert (ours.pattern, ours.flags, ours.groups) == (real.pattern, real.flags, real.groups)
    assert ours.groupindex == real.groupindex


def test_nothing_is_compiled_before_the_first_use() -> None:
    broken = regex("(")
    with pytest.raises(re.error):
        broken.search("x")


def test_what_a_pattern_does_not_have_it_does_not_have() -> None:
    assert not hasattr(regex("a"), "nothing")


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        (r"(?:\s*+(?!x=)[^\n]++)*+\s*+", "  y\n x=1", "  y\n "),
        (r"(?:(?:a|ab)(?:c|bcd))*+", "abcdabc", "abcdabc"),
        (r"(?:#[^\n]*+\n|(?P<key>\w++)=\w*+\n){2,}+", "A=1\n#\nB=2\nC 3\n", "A=1\n#\nB=2\n"),
        (rb"(?:ab?+)++c", b"ababac", b"ababac"),
    ],
)
def test_old_pythons_repeat_as_new_ones_do(text: Any, line: Any, wanted: Any) -> None:
    for found in (without_possessives(text).match(line), regex(text).match(line)):
        assert found is not None
        assert found.group() == wanted
