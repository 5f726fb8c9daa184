"""References that are replaced at once give what each program's own algorithm gives, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.env.loaders.expand_many import Known, Simple
from devstack.env.model import Loaded
from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

PINS = ["next@16", "vite@5", "vite@7", "dotenv-expand@11", "dotenv-expand@13", "dotenv-expand@1000"]
NAMES = ("A", "B", "C", "AB", "A1", "1", "2", "_", "A_B", "null", "Xnull", "A.B")
WORDS = (
    "x", "", "}", "{", "${A}", "$A", "$B", "${B}", "$AB", "${AB}", "${A:-d}", "${B:-${A}}", "${C:-${B:-e}}", "${1}",
    "$1", "${2:-q}", "${UN:-$A}", "${UN:-${A}${B}}", "${A-d}", "${A:+d}", "/", ":", "-", ":-", "${", "$", "${UN}",
    "${A1}", "$A1", "$_", "${A_B}", "${null}", "${Xnull}", "$Xnull", "${A.B}", "$A.B", "\\", "\\$", "$&", "$$", "(",
    "${A${B}}", "${${A}}", " ", "${B:-}", "${UN:-{}}", "${UN:-x}y}", "''", '"', "#", "encrypted:x",
)  # fmt: skip
EXPORTED = ("", "x", "pa$word", "$A", "${B}", "y}", "{", "a\\")


def _text(random: Random) -> str:
    lines = []
    for _ in range(random.randint(1, 9)):
        value = "".join(random.choices(WORDS, k=random.choice((1, 1, 1, 2, 2, 3, 4))))
        quote = random.choice(("", "", '"', "'"))
        lines.append(f"{random.choice(NAMES)}={quote}{value}{quote}\n")
    return "".join(lines)


def _case(random: Random) -> Case:
    files = {name: _text(random) for name in random.choice(((".env",), (".env",), (".env", ".env.local")))}
    process = {random.choice(NAMES[:7]): random.choice(EXPORTED) for _ in range(random.randint(0, 2))}
    return Case(files=files, process=process)


def _said(made: Loaded) -> tuple[object, ...]:
    values = {name: (value.text, value.unknown, value.origin) for name, value in made.variables.items()}
    return values, list(made.variables), made.issues


def _nothing(self: Simple, texts: Mapping[str, str], known: Known) -> dict[str, str]:
    return {}


@pytest.mark.parametrize("pin", PINS)
@settings(deadline=None, max_examples=100)
@given(random=st.randoms(use_true_random=False))
def test_at_once_is_the_same_as_one_by_one(pin: str, random: Random) -> None:
    case = _case(random)
    at_once = _said(ours(pin, case))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Simple, "expanded", _nothing)
        assert at_once == _said(ours(pin, case))


@pytest.mark.parametrize("pin", PINS)
def test_thousands_of_values_with_references_are_all_known(pin: str) -> None:
    lines = [f'N{at}="${{A}}/$B/{at}"\n' for at in range(4_000)]
    made = ours(pin, Case(files={".env": "".join(["A=1\n", *lines, "B=2\n"])}))
    assert [made.variables[f"N{at}"].text for at in range(4_000)] == [f"1/2/{at}" for at in range(4_000)]


@pytest.mark.parametrize("pin", ["next@16", "vite@7", "dotenv-expand@13", "dotenv-expand@1000"])
def test_thousands_of_defaults_that_hold_others_are_all_known(pin: str) -> None:
    lines = [f"N{at}=${{UNSET:-${{A:-{at}}}}}\n" for at in range(4_000)]
    made = ours(pin, Case(files={".env": "".join(lines)}))
    assert [value.text for value in made.variables.values()] == [str(at) for at in range(4_000)]


@pytest.mark.parametrize("pin", ["next@16", "vite@7", "dotenv-expand@1000"])
def test_what_was_made_of_the_line_above_is_known(pin: str) -> None:
    lines = [f"N{at}=${{N{at - 1}}}{at % 10}\n" for at in range(1, 500)]
    made = ours(pin, Case(files={".env": "".join(["N0=x\n", *lines])}))
    assert made.variables["N499"].text == "x" + "".join(str(at % 10) for at in range(1, 500))
