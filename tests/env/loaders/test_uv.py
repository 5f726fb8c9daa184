"""What uv's loader says beside the values; these are in `test_recorded`."""

from __future__ import annotations

import pytest

from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

PINS = ("uv@0.11", "uv@0.12")


@pytest.mark.parametrize("pin", PINS)
def test_the_first_line_with_a_name_counts_and_later_ones_are_its_shadows(pin: str) -> None:
    made = ours(pin, Case(files={".env": "A=1\nB=x\nA=2\n"}))
    value = made.variables["A"]
    assert (value.text, value.origin.line) == ("1", 1)
    assert [(shadow.text, shadow.origin.line) for shadow in value.shadows] == [("2", 3)]


@pytest.mark.parametrize("pin", PINS)
def test_a_line_that_uv_cannot_take_ends_the_file_and_is_named(pin: str) -> None:
    made = ours(pin, Case(files={".env": "A=1\nB=two words\nC=3\n"}))
    assert list(made.variables) == ["A"]
    assert [(issue.kind, issue.line, issue.fatal) for issue in made.issues] == [("file-dropped", 2, False)]


@pytest.mark.parametrize("pin", PINS)
def test_without_its_file_nothing_starts(pin: str) -> None:
    assert [issue.kind for issue in ours(pin, Case(files={})).issues if issue.fatal] == ["missing"]


def test_only_the_older_uv_sees_what_another_file_has_loaded() -> None:
    case = Case(files={"b": "B=$A\n", "a": "A=1\n"}, listed=True)
    assert ours("uv@0.11", case).variables["B"].text == "1"
    assert ours("uv@0.12", case).variables["B"].text == ""


def test_values_that_multiply_stay_unknown() -> None:
    lines = ["A0=xxxxxxxxxx", *(f"A{n + 1}=$A{n}$A{n}" for n in range(40)), "B=1", "C=$A40"]
    made = ours("uv@0.12", Case(files={".env": "\n".join(lines) + "\n"}))
    assert made.variables["A40"].unknown
    assert made.variables["C"].unknown
    assert made.variables["B"].text == "1"
