"""What compose-go made of these files, recorded from its own packages `dotenv` and `template` after 2.13."""

from __future__ import annotations

import pytest

from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

RECORDED = [
    ("A={}\nB=${A:-x}\nC=${U:-{}}\nD=${U-{}0}y}\n", {"A": "{}", "B": "{}", "C": "{}", "D": "{}0}y"}),
    ('CFG=${U:-{"a":{"b":1}}}/${V:-x}\n', {"CFG": '{"a":{"b":1}}/x'}),
    ("C=\nX=${C?${}\n", {"C": "", "X": ""}),
    ("A=1\nX=${A:-${U:?no}}\nY=${U+${U:?no}}\n", {"A": "1", "X": "1", "Y": ""}),
    ("A=$\u017f\nB=$\u212a.\nC=${\u017f:-d}\n", {"A": "", "B": ".", "C": "d"}),
    ('A="\\0134n\\0101\\044B\\0400\\09\\c"\nB=x\n', {"A": "\\nA\\44B\\400\\9\\c", "B": "x"}),
    ("A=x$$y$$$A$$\n", {"A": "x$y$$"}),
    ("\u00b2=x\nA[0]=1\nA\tB=2\n", {"\u00b2": "x", "A[0]": "1", "A\tB": "2"}),
    ("A=${U:-$}\nB=${U:-a}b}\n", {"A": "$", "B": "ab}"}),
    ("A=1\nA\nexport A\nB=$A\n", {"A": "1", "B": "1"}),
    ("A=${U:-${V:-${W:-d}}}\nB=${U:-${V-e}f}g\n", {"A": "d", "B": "efg"}),
    (
        'A=\'it\\\'s \\\\\'B="say \\"$A\\""C=3\n',
        {"A": "it's \\\\", "B": 'say "it\'s \\\\"', "C": "3"},
    ),
    ("A=1\n=$A\n:x\n", {"A": "1", "": "x"}),
    ("A: x\nB : y\nexport C:z\n", {"A": "x", "B": "y", "C": "z"}),
    ("A=" + "".join(f"${{U{number}:-x}}" for number in range(100)), {"A": "x" * 100}),
    ("A=" + "${U:-" * 300 + "d" + "}" * 300, {"A": "d"}),
]


@pytest.mark.parametrize(("text", "expected"), RECORDED)
def test_a_file_is_read_as_compose_read_it(text: str, expected: dict[str, str]) -> None:
    made = ours("compose", Case(files={".env": text}))
    assert {name: value.text for name, value in made.variables.items()} == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("export ", 1),
        ("A=1\nexport\t", 2),
        ('A=1\n\nB="${U:-a\nb}"\n', 3),
        ('A="${U:-a"\nb="}"\n', 1),
        ("A=${1}\n", 1),
        ("A=1\nB=${A\n", 2),
        ("A=1\nB=2\nC=${U:?needed}\n", 3),
        ("A='\\'\n", 1),
        ("# c\nA B=1\n", 2),
        ("A+=1\n", 1),
    ],
)
def test_a_file_that_compose_refuses_is_refused_with_its_line(text: str, line: int) -> None:
    made = ours("compose", Case(files={".env": text}))
    assert not made.variables
    assert [(issue.line, issue.fatal) for issue in made.issues] == [(line, True)]


def test_of_several_files_a_reference_finds_the_latest_value() -> None:
    files = {"a": "A=one\nB=$A\n", "b": "A=two\nC=$A\nD=$B\nA\n"}
    made = ours("compose", Case(files=files, listed=True))
    found = {name: value.text for name, value in made.variables.items()}
    assert found == {"A": "two", "B": "one", "C": "two", "D": "one"}


def test_what_refers_to_an_unknown_value_is_unknown_until_the_name_is_set_again() -> None:
    nested = "${U:-" * 3_000 + "d" + "}" * 3_000
    made = ours("compose", Case(files={".env": f"A={nested}\nB=$A\nA\nC=1\nD=$C$A\nA=2\nE=$A\n"}))
    assert {name: value.text for name, value in made.variables.items()} == {
        "A": "2",
        "B": None,
        "C": "1",
        "D": None,
        "E": "2",
    }
    assert made.variables["B"].unknown
