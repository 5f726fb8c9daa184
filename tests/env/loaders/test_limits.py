"""No text makes a loader wait, recurse or raise; the test's own timeout is the guard."""

from __future__ import annotations

import pytest

from tests.env.loaders.grammar import Case
from tests.env.loaders.hard import HARD
from tests.env.loaders.programs import ours

PINS = [
    *("next@16", "vite@5", "vite@7", "vite@8+node@20", "vite@8+node@24", "dotenv@18", "dotenv-expand@11"),
    *("dotenv-expand@13", "dotenv-expand@1000", "node@20", "node@24", "python-dotenv@1.2"),
    *("python-dotenv@1.1", "pydantic", "compose", "honcho", "shell", "bun@1.3", "bun@1.4"),
    *("uv@0.11", "uv@0.12"),
]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("pin", PINS)
def test_a_hard_text_is_answered(pin: str) -> None:
    for text in HARD.values():
        made = ours(pin, Case(files={".env": text}))
        assert all(isinstance(issue.message, str) for issue in made.issues)


@pytest.mark.parametrize("pin", PINS)
def test_the_empty_file_gives_nothing(pin: str) -> None:
    made = ours(pin, Case(files={".env": ""}))
    assert not made.variables
    assert not made.issues


def test_references_that_multiply_stay_unknown() -> None:
    made = ours("vite@5", Case(files={".env": HARD["references that double"]}))
    assert made.variables["A0"].unknown
    assert made.variables["A60"].text == "x"


@pytest.mark.parametrize("pin", ["next@16", "python-dotenv@1.2", "pydantic", "compose", "shell"])
def test_values_that_grow_from_line_to_line_become_unknown_before_memory_ends(pin: str) -> None:
    lines = [f"A{number}=${{A{number - 1}}}{'x' * 50}\n" for number in range(1, 5_000)]
    made = ours(pin, Case(files={".env": "".join(lines)}))
    assert made.variables["A4999"].unknown
    assert sum(len(value.text or "") for value in made.variables.values()) < 25_000_000
