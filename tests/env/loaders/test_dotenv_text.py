"""What dotenv's grammar finds, and on which lines; many statements are one match each of one pattern."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.env.loaders.definitions import Parsed
from devstack.env.loaders.dotenv_text import parse
from tests.env.loaders import grammar

MANY = 300  # more than is reported


def _rows(parsed: Parsed) -> list[tuple[str, str | None, int]]:
    return [(row.name, row.text, row.line) for row in parsed.definitions]


@settings(deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_each_name_stands_on_its_line(random: Random) -> None:
    text = "".join(grammar.env_file(random) for _ in range(4))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for row in parse(text).definitions:
        assert row.name in lines[row.line - 1]


def test_values_of_several_lines_and_comments_count_for_the_lines_behind_them() -> None:
    part = "A=\"x\ny\" # c\n\n# note\nB = 1 # d\nexport C='\\n'\n"
    each = [("A", "x\ny", 1), ("B", "1", 5), ("C", "\\n", 6)]
    assert _rows(parse(part * MANY)) == [
        (name, text, line + 6 * at) for at in range(MANY) for name, text, line in each
    ]


def test_line_ends_between_a_name_and_its_value_count() -> None:
    rows = _rows(parse('A\n=\n"x"\nB=\nexport\nC=2\nD:\n\'y\'\nE=\n"z\n'))
    assert rows == [("A", "x", 1), ("B", "", 4), ("C", "2", 6), ("D", "y", 7), ("E", "", 9)]


def test_the_lines_of_what_is_ignored_are_reported_wherever_it_stands() -> None:
    parsed = parse("junk one\n\n# note\nB=1 # c\nNAME\n  more junk\nC='\n'\nlast")
    assert [note.line for note in parsed.notes] == [1, 5, 6, 9]
    assert [(row.name, row.line) for row in parsed.bare] == [("NAME", 5), ("last", 9)]


def test_of_much_that_is_ignored_the_first_is_reported() -> None:
    parsed = parse("A\nB=1\n" * MANY)
    assert _rows(parsed) == [("B", "1", 2 * at + 2) for at in range(MANY)]
    assert [note.line for note in parsed.notes] == list(range(1, 401, 2))


def test_an_escaped_quote_ends_a_value_only_where_no_other_does() -> None:
    rows = _rows(parse('A="x\\"\nB=1\nC="y\\" z"\nD="p" q"\nE="r\\n\\"" # c\n'))
    assert [(name, text) for name, text, _ in rows] == [
        ("A", "x\\"),
        ("B", "1"),
        ("C", 'y\\" z'),
        ("D", 'p" q'),
        ("E", 'r\n\\"'),
    ]


def test_assigning_to_the_prototype_changes_nothing() -> None:
    assert _rows(parse("A=1\n__proto__=2\n'\nB=3\n")) == [("A", "1", 1), ("B", "3", 4)]
