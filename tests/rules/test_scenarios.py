"""The recorded scenarios: what must be reported is, what must not be is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devstack.rules.base import Report

CORPUS = Path(__file__).parent.parent / "corpus" / "scenarios.json"


def test_doctor_says_what_a_scenario_expects_and_nothing_that_it_forbids(
    scenario: dict[str, Any], scenario_report: Callable[[dict[str, Any]], Report]
) -> None:
    report = scenario_report(scenario)
    said = {finding.rule for finding in report.findings}
    assert not [skip for skip in report.skipped if "internal failure" in skip.reason]
    for alternatives in scenario.get("expect", ()):
        assert said.intersection(alternatives), (alternatives, sorted(said))
    assert not said.intersection(scenario.get("forbid", ()))


@pytest.mark.e2e
@pytest.mark.parametrize("wanted", ["S01", "S73", "S88", "T37"])
def test_the_command_line_says_the_same(
    wanted: str, tmp_path: Path, devstack: Any, write_scenario_files: Callable[[Path, dict[str, Any]], None]
) -> None:
    (entry,) = (entry for entry in json.loads(CORPUS.read_text(encoding="utf-8")) if entry["id"] == wanted)
    write_scenario_files(tmp_path, entry)
    outcome = devstack("doctor", "--format", "json", cwd=tmp_path, env=entry["process_env"])
    said = {finding["rule"] for finding in json.loads(outcome.out)["findings"]}
    assert all(said.intersection(alternatives) for alternatives in entry.get("expect", ()))
    assert not said.intersection(entry.get("forbid", ()))
    assert outcome.code in (0, 1)
