"""What is found out about the reader's terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from devstack.views.style import detect


def written(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("environment", "unicode"),
    [
        ({}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "de_DE.utf8@euro"}, True),
        ({"LANG": "en_US"}, True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, False),
        ({"LANG": "POSIX"}, False),
        ({"LC_ALL": "", "LC_CTYPE": "de_DE.ISO-8859-1"}, False),
    ],
)
def test_the_locale_decides_which_characters_are_shown(environment: Mapping[str, str], unicode: bool) -> None:
    assert detect(written(), environment).unicode is unicode


def test_a_stream_that_cannot_write_them_gets_none() -> None:
    assert not detect(written("latin-1"), {"LANG": "C.UTF-8"}).unicode


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "DEVSTACK_COLOUR": "always"}, True),
        ({"FORCE_COLOR": "1", "DEVSTACK_COLOUR": "never"}, False),
    ],
)
def test_who_decides_on_colours(environment: Mapping[str, str], colour: bool) -> None:
    assert detect(written(), environment).colour is colour
