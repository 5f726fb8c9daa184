from __future__ import annotations

import shutil
import subprocess
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.env.model import Loaded
from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

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
]


@pytest.mark.parametrize("text", DECIDED)
def test_what_is_decided_is_what_a_shell_exports(text: str) -> None:
    made = ours("shell", Case(files={".env": text}))
    assert not made.issues
    _compare(text, made)


WORDS = (
    *(
        "x",
        "$A",
        "${A}",
        "''",
        '""',
        "'q w'",
        '"d $A"',
        '"a\\"b"',
        "\\'",
        "\\\\",
        "\\$",
        "a\\ b",
        "#",
        "=",
        ":",
    ),
    *("$ ", "${B:-d}", "${A:+alt}", "\\x", "%", "é", '"\\n"', "\\\n", '"two\nlines"'),
)


@settings(max_examples=100, deadline=None, database=None)
@given(random=st.randoms(use_true_random=False))
def test_generated_assignments_are_read_as_a_shell_reads_them(random: Random) -> None:
    lines = [_statement(random) for _ in range(random.randint(1, 5))]
    if random.randrange(3) == 0:  # many plain lines are read in one step
        lines[1:1] = [f"{random.choice('ABC')}={random.choice(('x', '', 'a=b', 'u:1/'))}" for _ in range(9)]
    text = "\n".join(lines) + random.choice(("\n", ""))
    made = ours("shell", Case(files={".env": text}))
    if not made.issues:
        _compare(text, made)


def _statement(random: Random) -> str:
    value = "".join(random.choice(WORDS) for _ in range(random.randint(0, 4)))
    lead, end = random.choice(("", "", "", "export ", "  ")), random.choice(("", "", "", " # c", " ", "; "))
    return f"{lead}{random.choice('ABC')}={value}{end}"


def _compare(text: str, made: Loaded) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    script = f"set -a\n{text}\nset +a\n" + "".join(f"printf '%s\\0' \"${name}\"\n" for name in made.variables)
    done = subprocess.run([shell], input=script.encode(), capture_output=True, check=True, env={})
    found = done.stdout.decode().split("\0")[:-1]
    assert dict(zip(made.variables, found, strict=True)) == {
        name: value.text for name, value in made.variables.items()
    }


@pytest.mark.parametrize(
    "line", ["echo x", "A=1 cmd", "A=$(id)", "A=`id`", "A=~/x", ". ./other", "A=x > y", "A=$1"]
)
def test_behind_a_command_everything_is_unknown(line: str) -> None:
    made = ours("shell", Case(files={".env": f"B=1\n{line}\n"}))
    assert made.variables["B"].unknown
    assert [issue.kind for issue in made.issues] == ["executes"]


def test_an_open_quote_stops_the_shell() -> None:
    made = ours("shell", Case(files={".env": "A='x\nB=1\n"}))
    assert not made.variables
    assert made.issues[0].fatal


def test_the_file_wins_over_what_is_exported() -> None:
    made = ours("shell", Case(files={".env": "A=file\n"}, process={"A": "exported"}))
    assert made.variables["A"].text == "file"
    assert [shadow.text for shadow in made.variables["A"].shadows] == ["exported"]
