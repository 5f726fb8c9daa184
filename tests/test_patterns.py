from __future__ import annotations

import re

import pytest

from devstack.patterns import regex


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
