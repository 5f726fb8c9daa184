"""Releases of Node that read env files otherwise than the last ones of their lines: as they were recorded to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devstack.env import versions
from devstack.env.files import Files
from devstack.env.loaders.table import loader
from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

_PATH = Path(__file__).parents[2] / "corpus" / "node_cases.json"
GROUPS: list[dict[str, Any]] = json.loads(_PATH.read_text(encoding="utf-8"))
# Those of the last releases of a line are read as they are; Node itself is asked for them elsewhere.
LAST = {"20.19.5": "20", "20.20.2": "20", "22.16.0": "22", "22.21.1": "22", "24.0.0": "24", "26.10.0": "24"}


@pytest.mark.parametrize(
    ("release", "group"), [(one, group) for group in GROUPS for one in group["releases"]]
)
def test_a_release_reads_what_it_was_recorded_to_read(release: str, group: dict[str, Any]) -> None:
    wrong = []
    for case in group["cases"]:
        made = ours(f"node@{release}", Case(files={".env": case["text"]}))
        seen = {name: value.text for name, value in made.variables.items()}
        expected = {name: text for name, text in case["values"].items() if name}
        if seen != expected:
            wrong.append((case["text"], seen, expected))
    assert wrong == []


@pytest.mark.parametrize(("release", "pin"), [*LAST.items(), ("22.12.0", "22.12.0"), ("23.11.1", "23.11.1")])
def test_a_release_is_named_where_it_matters(tmp_path: Path, release: str, pin: str) -> None:
    installed = tuple(int(part) for part in release.split("."))
    files = Files(tmp_path)
    assert versions.choose("node", tmp_path, files, lambda _: installed) == f"node@{pin}"
    assert versions.choose("vite@8", tmp_path, files, lambda _: installed) == f"vite@8+node@{pin}"


@pytest.mark.parametrize(
    ("wanted", "pin"),
    [
        ("22", "22.12.0"),
        ("v22.12", "22.12.0"),
        ("22.14", "22.14"),
        ("22.21", "22"),
        ("20", "20"),
        ("lts/*", "22.12.0"),
    ],
)
def test_of_what_is_wanted_in_part_the_installed_release_counts(
    tmp_path: Path, wanted: str, pin: str
) -> None:
    (tmp_path / ".nvmrc").write_text(f"{wanted}\n")
    assert versions.choose("node", tmp_path, Files(tmp_path), lambda _: (22, 12, 0)) == f"node@{pin}"


def test_vite_parses_as_the_release_does_that_runs_it() -> None:
    case = Case(files={".env": "VITE_A=x # y"})  # no newline: a comment there belonged to the value once
    texts = {pin: ours(pin, case).variables["VITE_A"].text for pin in ("vite@8+node@22.12", "vite@8+node@22")}
    assert texts == {"vite@8+node@22.12": "x # y", "vite@8+node@22": "x"}


def test_a_last_line_that_is_read_again_and_again_never_ends() -> None:
    made = ours("node@22.12", Case(files={".env": "A=1\nB" + "=x" * 200_000}))
    (issue,) = (issue for issue in made.issues if issue.fatal)
    assert (issue.kind, issue.line, dict(made.variables)) == ("hang", 2, {})


def test_lines_and_raw_text_are_those_of_the_file() -> None:
    made = ours("node@22.12", Case(files={".env": "# c\n\nA='x\ny' # z\nB = 1 #c\n\nC=u:1/?k=v"}))
    seen = {name: (value.text, value.raw, value.origin.line) for name, value in made.variables.items()}
    assert seen == {
        "A": ("x\ny", "'x\ny'", 3),
        "B": ("1", "1", 5),
        "C": ("u:1/?k=v", "u:1/?k=v", 7),
        "u:1/?k": ("v", "v", 7),
    }


def test_a_release_can_be_pinned() -> None:
    assert loader("node@22.12").pin == "node@22.12"
