"""A portable spelling is read back unchanged by every loader that is modelled."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.contract.spelling import intended, portable
from devstack.env.files import Files
from devstack.env.loaders.table import loader
from devstack.env.model import LoadRequest

PINS = (
    "next@16",
    "vite@8+node@22",
    "vite@6",
    "vite@5",
    "dotenv@17",
    "node@22",
    "python-dotenv@1.2",
    "compose",
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("abcDEF_123-", "abcDEF_123-"),
        ("abc#def", '"abc#def"'),
        ("two words", '"two words"'),
        ('say "hi"', "'say \"hi\"'"),
        ("ends with $", '"ends with $"'),
        ("", ""),
    ],
)
def test_how_a_value_is_written(text: str, written: str) -> None:
    assert portable(text) == written


@pytest.mark.parametrize(
    "text", ["pa$word", "${X}", "$(date)", "both ' and \" \\", "tab\there", 'it\'s "both"']
)
def test_some_values_have_no_portable_spelling(text: str) -> None:
    assert portable(text) is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("abc", "abc"),
        ('"a b" # note', "a b"),
        ("'a#b'", "a#b"),
        ("abc # note", "abc"),
        ("abc#def", "abc#def"),
        ('"open', '"open'),
    ],
)
def test_what_the_author_meant(raw: str, text: str) -> None:
    assert intended(raw) == text


class _Memory(Files):
    """One `.env` in memory."""

    def __init__(self, content: str) -> None:
        super().__init__(Path("/nowhere"))
        self._content = content.encode()

    def read(self, path: Path) -> bytes | None:
        return self._content if path.name == ".env" else None


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=24))
def test_every_loader_reads_a_portable_spelling_back(text: str) -> None:
    written = portable(text)
    if written is None:
        return
    for pin in PINS:
        request = LoadRequest(
            folder=Path("/nowhere"),
            mode="development",
            process={},
            reader=_Memory(f"BEFORE=1\nNAME={written}\nAFTER=2\n"),
            files=[Path("/nowhere/.env")],
        )
        found = loader(pin).load(request).variables
        assert found["NAME"].text == text, (pin, written)
        assert found["AFTER"].text == "2", (pin, written)
