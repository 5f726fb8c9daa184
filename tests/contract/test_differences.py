"""How two values differ, in words that show neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.contract.differences import describe

SECRET = "kT9wXqL2mZpR7vNc"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (f" {SECRET} ", "spaces around"),
        (f"{SECRET}\r", "carriage return"),
        (f"{SECRET}\n", "newline at the end"),
        (f'"{SECRET}"', "quotation marks"),
        (f"{SECRET[:4]}\u200b{SECRET[4:]}", "invisible"),
        (SECRET.lower(), "upper and lower case"),
        (SECRET[:8], "only the beginning"),
        ("a1RhbGwtb2RkLXR1bGlw", "entirely"),
    ],
)
def test_the_smallest_difference_is_named(other: str, words: str) -> None:
    assert words in describe(SECRET, other)
    assert words in describe(other, SECRET)


def test_a_cut_at_a_hash_is_recognised() -> None:
    assert "cut at `#`" in describe("tulip#7431", "tulip")


def test_an_expansion_to_nothing_is_recognised() -> None:
    assert "expanded to nothing" in describe("pa$word", "pa")


def test_an_expansion_to_something_is_recognised() -> None:
    assert "expanded in one of them" in describe("ws://localhost:$PORT/ws", "ws://localhost:3001/ws")


def test_a_kept_backslash_is_recognised() -> None:
    assert "backslash before `$`" in describe("pa\\$word", "pa$word")


def test_base64_and_hexadecimal_forms_are_recognised() -> None:
    assert "base64" in describe("a1Q5d1hxTDJtWnBSN3ZOYw==", SECRET)
    assert "hexadecimal" in describe(SECRET.encode().hex(), SECRET)


def test_escaped_newlines_of_a_key_are_recognised() -> None:
    assert "escaped newline" in describe(
        "-----BEGIN-----\\nMII\\n-----END-----", "-----BEGIN-----\nMII\n-----END-----\n"
    )


@given(st.text(min_size=4, max_size=30), st.text(min_size=4, max_size=30))
def test_no_description_shows_a_value(left: str, right: str) -> None:
    known = describe("kT9wXqL2", "mZpR7vNc")
    found = describe(left, right)
    assert found.startswith(("only in", "because", "entirely"))
    assert known == "entirely"
