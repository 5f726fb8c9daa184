"""What Node's grammars make of many lines at once: the same as of each alone, on the same lines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.env.loaders.definitions import Parsed
from devstack.env.loaders.node_text import parse20, parse22

BOTH = pytest.mark.parametrize("parse", [parse20, parse22])
MANY = 300  # more than is reported


def _rows(parsed: Parsed) -> list[tuple[str, str | None, int]]:
    return [(row.name, row.text, row.line) for row in parsed.definitions]


@BOTH
def test_a_comment_behind_many_values_stays_a_comment(parse: Callable[[str], Parsed]) -> None:
    found = _rows(parse("A=1\n" * 12 + "# B=2\nC=3\n"))
    assert found == [*(("A", "1", line) for line in range(1, 13)), ("C", "3", 14)]


@BOTH
def test_values_of_several_lines_and_comments_count_for_the_lines_behind_them(
    parse: Callable[[str], Parsed],
) -> None:
    part = "A=\"x\ny\" # c\n\n# note\nB = 1 # d\nexport C='\\n'\n"
    found = _rows(parse(part * MANY))
    each = [("A", "x\ny", 1), ("B", "1", 5), ("C", "\\n", 6)]
    assert found == [(name, text, line + 6 * at) for at in range(MANY) for name, text, line in each]


@BOTH
def test_blank_lines_at_the_beginning_count(parse: Callable[[str], Parsed]) -> None:
    assert _rows(parse("\n\r\n\nA=1\n")) == [("A", "1", 4)]


def test_node_20_takes_lines_without_a_value_for_the_beginning_of_the_next_name() -> None:
    parsed = parse20("A\nB=1\n" * MANY)
    assert _rows(parsed) == [("A\nB", "1", 2 * at + 2) for at in range(MANY)]
    assert [note.line for note in parsed.notes] == list(range(1, 401, 2))


def test_later_nodes_drop_lines_without_a_value() -> None:
    parsed = parse22("A\nB=1\n= x\n" * MANY)
    assert [(name, text) for name, text, _ in _rows(parsed)] == [("B", "1")] * MANY
    assert [note.line for note in parsed.notes[:4]] == [1, 3, 3, 4]  # behind `=`, a line begins
    assert len(parsed.notes) == 200


def test_empty_values_and_empty_names_of_later_nodes() -> None:
    parsed = parse22("A=\nexport B=\n=\n" * MANY)
    assert [(name, text) for name, text, _ in _rows(parsed)] == [("A", ""), ("export B", ""), ("", "")] * MANY


def test_later_nodes_trim_only_behind_a_bare_value() -> None:
    behind_bare, behind_quoted = parse22("A=1\n  # B=2\n" * MANY), parse22("A='1'\n  # B=2\n" * MANY)
    assert {row.name for row in behind_bare.definitions} == {"A"}
    assert {row.name for row in behind_quoted.definitions} == {"A", "# B"}
