from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import PROGRAMS, Driver, disagreement, ours

DECIDED = [
    "A=1\nB=two\n",
    "export A='x y' B=\"z $A\"\n",
    'set -a\nA=\\$x\nB="\\$A"\nC=${UNSET:-d}\nset +a\n',
    "A=x # note\nB=a#b\nC='#'\n",
    "A=1; B=2\n# A=3\n",
    'A="one\ntwo"\nB=$A\n',
    "A=it\\'s\nB=$A$A\nC=${A}_x\nD=${E+alt}${A:+set}\n",
    "A=x\r\nB=y\n",
    "A=$ \nB=a$/b\n",
    'A="a\\b\\n\\\\"\n',
    "A=a\\\nb\n",
    "A=\\",
    'A="$"\nB="x$&y"\n',
    "A='a''b'\"c\"\"$A\"\n",
    "A=1;B=$A;# c\n",
    "set -o allexport\nA=1\nexport A\nexport B=$A C\nset +o allexport\n",
    "A=x\ry\vz\n",
    'A=1\n# c\n\nB="a\n\nb"\nC=$B\n',
]


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with Driver(python=True) as driver:
        yield driver


@pytest.mark.parametrize("text", DECIDED)
def test_what_is_decided_is_what_a_shell_exports(text: str, driver: Driver) -> None:
    case = Case(files={".env": text}, listed=True)
    assert not ours("shell", case).issues
    assert disagreement(driver, PROGRAMS["shell"], case) is None


@pytest.mark.parametrize(
    "line",
    [
        *("echo x", "A=1 cmd", "A=$(id)", "A=`id`", "A=~/x", ". ./other", "A=x > y", "A=$1", "A=${U:-~}"),
        *('A="x`id`"', "A=$'x'", "A=$B\\\nC", "set +a\nA=1"),
    ],
)
def test_behind_a_command_everything_is_unknown(line: str) -> None:
    made = ours("shell", Case(files={".env": f"B=1\n{line}\n"}))
    assert made.variables["B"].unknown
    assert [issue.kind for issue in made.issues] == ["executes"]


def test_behind_a_command_in_one_file_the_next_one_is_unknown_as_well() -> None:
    made = ours("shell", Case(files={"first": "A=1\necho x\n", "second": "B=2\n"}, listed=True))
    assert made.variables["A"].unknown
    assert made.variables["B"].unknown


@pytest.mark.parametrize("text", ["A='x\nB=1\n", 'A="x\n', "A=1;;B=2\n", "; A=1\n"])
def test_a_shell_that_stops_exports_nothing_of_any_file(text: str) -> None:
    made = ours("shell", Case(files={"first": "A=1\n", "second": text, "third": "C=3\n"}, listed=True))
    assert not made.variables
    assert [issue.fatal for issue in made.issues] == [True]


def test_values_that_grow_from_line_to_line_become_unknown() -> None:
    lines = [f"A{number}=${{A{number - 1}}}{'x' * 50}\n" for number in range(1, 5_000)]
    made = ours("shell", Case(files={".env": "".join(lines)}))
    assert made.variables["A1"].unknown
    line = made.issues[0].line
    assert line is not None and made.variables[f"A{line}"].raw == lines[line - 1].partition("=")[2].strip()


def test_the_file_wins_over_what_is_exported() -> None:
    made = ours("shell", Case(files={".env": "A=file\n"}, process={"A": "exported"}))
    assert made.variables["A"].text == "file"
    assert [shadow.text for shadow in made.variables["A"].shadows] == ["exported"]
