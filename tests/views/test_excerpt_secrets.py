"""What an excerpt shows of a secret: nothing but that a `$` stands in it."""

from __future__ import annotations

import pytest

from devstack.views.excerpt import masked_line


@pytest.mark.parametrize("value", ["pa$word#tail", "'x$ABC9y'", "${NAME}rest", "plain-value-of-no-shape"])
def test_no_piece_of_a_secret_value_is_shown(value: str) -> None:
    shown = masked_line("ws/.env", f"JWT_SECRET={value}")
    for piece in ("pa", "word", "tail", "ABC9", "rest", "plain", "shape"):
        assert piece not in shown


def test_a_reference_in_an_ordinary_value_stays_readable() -> None:
    assert "${WS_PORT}" in masked_line("ws/.env", "GREETING=hello ${WS_PORT} there")
