"""Every rule against its own cases, and the catalogue against its pages, modules and cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from devstack.rules.base import Report
from devstack.rules.catalogue import CATALOGUE

FOLDER = Path(__file__).parent


def test_a_case_gives_exactly_the_findings_it_expects(
    case: Any, said: Callable[[Any], Report], relevant_lines: Callable[[Any, Report], frozenset[str]]
) -> None:
    report = said(case)
    assert not [skip for skip in report.skipped if "internal failure" in skip.reason]
    assert relevant_lines(case, report) == case.expect, [f.message for f in report.findings]


def test_a_good_case_expects_nothing_of_its_rule_and_a_bad_one_does(case: Any) -> None:
    own = {line for line in case.expect if line.split()[0] == case.rule}
    assert bool(own) != case.good
