"""What an excerpt shows of a secret: nothing but that a `$` stands in it."""

from __future__ import annotations

import pytest

from devstack.rules.base import Location
from devstack.views.excerpt import excerpt, masked_line


@pytest.mark.parametrize("value", ["pa$word#tail", "'x$ABC9y'", "${NAME}rest", "plain-value-of-no-shape"])
def test_no_piece_of_a_secret_value_is_shown(value: str) -> None:
    shown = masked_line("ws/.env", f"JWT_SECRET={value}")
    for piece in ("pa", "word", "tail", "ABC9", "rest", "plain", "shape"):
        assert piece not in shown


def test_a_reference_in_an_ordinary_value_stays_readable() -> None:
    assert "${WS_PORT}" in masked_line("ws/.env", "GREETING=hello ${WS_PORT} there")


def test_keys_of_an_object_are_shown_and_what_they_hold_is_not() -> None:
    line = (
        '{"private":true,"engines":{"node":"a value of length"}, "tk9AB12cd34":{"JWT_SECRET":"hunter-two"}}'
    )
    shown = masked_line("package.json", line)
    assert '"private":true,"engines":{"node":"…"}' in shown
    for secret in ("hunter", "tk9AB12cd34", "length"):
        assert secret not in shown


@pytest.mark.parametrize("line", ['k = on ? "hunter-two":other', 'case "hunter-two":', 'f(a,"hunter-two" )'])
def test_a_text_before_a_colon_is_no_key(line: str) -> None:
    assert "hunter" not in masked_line("a.js", line)


def test_a_long_line_is_cut_around_its_variable() -> None:
    line = "f(1);" * 400 + "use(process.env.API_URL);" + "g(2);" * 400
    found = excerpt(Location(path="a.js", line=1, variable="API_URL"), lambda *_: line, 80)
    assert found is not None
    assert len(found.text) <= 80
    assert found.text[found.start : found.start + found.width] == "API_URL"
