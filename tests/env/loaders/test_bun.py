"""What Bun's loader says beside the values; these are in `test_recorded`."""

from __future__ import annotations

import pytest

from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

_DEVELOPMENT = [".env.development.local", ".env.local", ".env.development", ".env"]
_PRODUCTION = [".env.production.local", ".env.local", ".env.production", ".env"]


@pytest.mark.parametrize(
    ("process", "mode", "files"),
    [
        ({}, "development", _DEVELOPMENT),
        ({"NODE_ENV": "staging"}, "development", _DEVELOPMENT),
        ({"NODE_ENV": "production"}, "development", _PRODUCTION),
        ({"NODE_ENV": "test"}, "development", [".env.test.local", ".env.test", ".env"]),
        ({"NODE_ENV": "test", "BUN_ENV": ""}, "development", _DEVELOPMENT),
        ({"NODE_ENV": "test", "BUN_ENV": "production"}, "test", _PRODUCTION),
        ({}, "production", _PRODUCTION),
    ],
)
def test_the_environment_decides_which_files_bun_reads(
    process: dict[str, str], mode: str, files: list[str]
) -> None:
    made = ours("bun@1.4", Case(files={}, process=process, mode=mode))
    assert [layer.path.name for layer in made.layers] == files


def test_a_default_with_a_reference_in_it_crashes_the_older_bun_and_is_said() -> None:
    case = Case(files={".env": "PORT=1\nA=${B:-$PORT}\n"})
    assert [(issue.fatal, issue.line) for issue in ours("bun@1.3", case).issues] == [(True, 2)]
    assert ours("bun@1.4", case).variables["A"].text == "1"


def test_options_in_the_environment_make_the_list_of_files_uncertain() -> None:
    case = Case(files={".env": "A=1\n"}, process={"BUN_OPTIONS": "--env-file=other"})
    assert [issue.kind for issue in ours("bun@1.4", case).issues] == ["dynamic"]


def test_a_value_names_its_line_and_what_it_shadows_and_refers_to() -> None:
    made = ours("bun@1.4", Case(files={".env.local": "\nA='$B'\n", ".env": "A=2\r\nB=3\r\n"}))
    value = made.variables["A"]
    assert (value.text, value.raw, value.origin.line, value.references) == ("", "'$B'", 2, ("B",))
    assert [(shadow.text, shadow.origin.line) for shadow in value.shadows] == [("2", 1)]


@pytest.mark.parametrize("pin", ["bun@1.3", "bun@1.4"])
def test_what_stands_between_many_values_changes_neither_them_nor_their_lines(pin: str) -> None:
    part = 'name alone\n# A=0\nexport A{0}\n="x\\n\\\\n\n" # c\n\nB{0}: y # d\nC{0}=\n'
    made = ours(pin, Case(files={".env": "".join(part.format(number) for number in range(300))}))
    rows = [(name, value.text, value.origin.line) for name, value in made.variables.items()]
    texts = [("A", "x\n\\\\n\n", 3), ("B", "y", 7), ("C", "", 8)]
    assert rows == [(f"{name}{at}", text, 8 * at + line) for at in range(300) for name, text, line in texts]
    assert len(made.issues) == 200
