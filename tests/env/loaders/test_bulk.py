"""Many statements that look alike are read in one step: what comes out is what each of them alone would give."""

from __future__ import annotations

import pytest

from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

PINS = (
    "python-dotenv@1.2",
    "python-dotenv@1.1",
    "pydantic",
    "compose",
    "honcho",
    "shell",
    "uv@0.11",
    "uv@0.12",
)
# What one statement adds, and on which of its lines the name stands; `{0}` is a number.
LINES = {
    "values": ("N{0}=v{0}\n", 0),
    "values behind comments and blank lines": ("# c\n\n  \nN{0}=v{0}\n", 3),
    "values in front of comments": ("N{0}=v{0} # c\n", 0),
    "exported values": ("export N{0}=v{0}\n", 0),
    "quoted values of several lines": ("N{0}='a\nv{0}\nb'\n", 0),
    "escapes in quotes": ('N{0}="a\\\\v{0}"\n', 0),
}
# honcho drops the ones, and stops at the others.
NOT_OF_HONCHO = ("exported values", "quoted values of several lines")
EXPECTED = {"quoted values of several lines": "a\nv{0}\nb", "escapes in quotes": "a\\v{0}"}


@pytest.mark.parametrize(
    ("pin", "kind"),
    [(pin, kind) for pin in PINS for kind in LINES if pin != "honcho" or kind not in NOT_OF_HONCHO],
)
def test_each_of_many_statements_has_its_text_and_its_line(pin: str, kind: str) -> None:
    shape, offset = LINES[kind]
    variables = ours(pin, Case(files={".env": "".join(map(shape.format, range(300)))})).variables
    found = [(name, value.text, value.origin.line) for name, value in variables.items()]
    text, height = EXPECTED.get(kind, "v{0}"), shape.count("\n")
    expected = [(f"N{number}", text.format(number), number * height + offset + 1) for number in range(300)]
    assert found == expected


@pytest.mark.parametrize("pin", ["python-dotenv@1.2", "python-dotenv@1.1", "pydantic"])
def test_a_name_in_quotes_that_holds_line_ends_does_not_shift_what_follows(pin: str) -> None:
    variables = ours(pin, Case(files={".env": "A=1\n'B\n\n'=2\nC=3\n" * 3})).variables
    assert [(name, value.origin.line) for name, value in variables.items()] == [
        ("A", 11),
        ("B\n\n", 12),
        ("C", 15),
    ]


@pytest.mark.parametrize(
    "pin", ["python-dotenv@1.2", "python-dotenv@1.1", "pydantic", "compose", "shell", "uv@0.12"]
)
def test_references_see_what_stands_before_them(pin: str) -> None:
    lines = [f'A={number}\nN{number}="${{A}}/${{A}}"\nM{number}=${{N{number}}}\n' for number in range(20)]
    variables = ours(pin, Case(files={".env": "".join(lines)})).variables
    seen = {name: value.text for name, value in variables.items() if name != "A"}
    assert seen == {f"{letter}{number}": f"{number}/{number}" for number in range(20) for letter in "NM"}


@pytest.mark.parametrize("default", ["x", '{{"a":{0}}}', "${{B:-y{0}}}", "$B", "${{C-}}z"])
def test_many_defaults_are_taken_alike_by_compose_alone_and_together(default: str) -> None:
    lines = [f"N{number}=${{A:-{default.format(number)}}}\n" for number in range(20)]
    together = ours("compose", Case(files={".env": "".join(lines)})).variables
    for number, line in enumerate(lines):
        alone = ours("compose", Case(files={".env": line})).variables
        assert together[f"N{number}"].text == alone[f"N{number}"].text
