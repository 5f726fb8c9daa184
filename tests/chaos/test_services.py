"""The check of the logs after a chaos run finds what it is there to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.services import lost_lines


def checked(folder: Path, numbers: list[int], noted: int, *, killed: bool = False) -> tuple[int, list[str]]:
    logs, notes = folder / "logs", folder / "notes"
    logs.mkdir()
    notes.mkdir()
    (logs / "s0.log").write_text("".join(f"line run1 7 {number} of red\n" for number in numbers))
    (notes / "s0.run1.7").write_text(f"{noted:12}")
    return lost_lines(logs, notes, {"run1"} if killed else set())


def test_whole_logs_are_fine_also_with_a_line_that_was_not_noted_any_more(tmp_path: Path) -> None:
    assert checked(tmp_path, [1, 2, 3], 2) == (3, [])


@pytest.mark.parametrize(
    ("numbers", "noted", "killed", "words"),
    [
        ([1, 2], 3, False, "1 of 3 lines are missing at the end"),
        ([1, 3], 3, False, "line 3 follows line 1"),
        ([1, 2, 2], 2, True, "line 2 follows line 2"),
        ([2], 2, True, "line 2 follows line 0"),
        ([], 1, False, "1 of 1 lines are missing at the end"),
    ],
)
def test_missing_and_doubled_lines_are_named(
    tmp_path: Path, numbers: list[int], noted: int, killed: bool, words: str
) -> None:
    _, wrong = checked(tmp_path, numbers, noted, killed=killed)
    assert wrong == [f"s0 (pid 7): {words}"]


def test_after_kill_9_lines_may_be_missing_at_the_end(tmp_path: Path) -> None:
    assert checked(tmp_path, [1], 3, killed=True) == (1, [])
