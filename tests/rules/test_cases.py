"""Every rule against its own cases, and the catalogue against its pages, modules and cases."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from devstack import rules
from devstack.rules import docs, roster
from devstack.rules.base import Needs, Report
from devstack.rules.catalogue import CATALOGUE

SECTIONS = ["## Why it matters", "## Example", "## Mending"]
WITHOUT_BAD_CASES: frozenset[str] = frozenset()


def test_a_case_gives_exactly_the_findings_it_expects(
    case: Any, said: Callable[[Any], Report], relevant_lines: Callable[[Any, Report], frozenset[str]]
) -> None:
    report = said(case)
    assert not [skip for skip in report.skipped if "internal failure" in skip.reason]
    assert relevant_lines(case, report) == case.expect, [f.message for f in report.findings]


def test_a_good_case_expects_nothing_of_its_rule_and_a_bad_one_does(case: Any) -> None:
    own = {line for line in case.expect if line.split()[0] == case.rule}
    assert bool(own) != case.good


def test_every_rule_has_a_module_a_page_and_cases(case_folders: dict[str, Path]) -> None:
    for rule in CATALOGUE:
        module = import_module(f"devstack.rules.{rule.name.replace('-', '_')}")
        assert module.RULE is rule
        assert rule.page == (module.__doc__ or ""), rule.name
        assert [line for line in rule.page.splitlines() if line.startswith("## ")] == SECTIONS, rule.name
        assert rule.title.endswith((".", ":")) or len(rule.title) < 120, rule.name
        if rule.needs is Needs.FILES and rule.name not in WITHOUT_BAD_CASES:
            kinds = {path.parent.name for path in case_folders[rule.name].glob("*/*.case")}
            assert kinds == {"good", "bad"}, rule.name


def test_every_rule_module_is_in_the_catalogue() -> None:
    modules = {
        path.stem
        for path in Path(rules.__file__ or "").parent.glob("*.py")
        if "\nRULE = Rule(" in path.read_text(encoding="utf-8")
    }
    assert {rule.name.replace("-", "_") for rule in CATALOGUE} == modules


def test_what_needs_a_running_system_is_listed_so() -> None:
    for rule, about in zip(CATALOGUE, roster.ROSTER.values(), strict=True):
        assert (about is roster.About.RUN) == (rule.needs is not Needs.FILES), rule.name


def test_ids_are_unique_and_in_order() -> None:
    ids = [rule.id for rule in CATALOGUE]
    assert ids == sorted(set(ids))


def test_every_case_belongs_to_a_rule(case_folders: dict[str, Path]) -> None:
    assert set(case_folders) <= {rule.name for rule in CATALOGUE}


def test_the_reference_is_what_the_pages_say(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "docs" / "rules.md"
    assert path.read_text(encoding="utf-8") == docs.render(), "python -m devstack.rules.docs"
    assert docs.main(["--check", str(path)]) == 0
    assert docs.main(["--check", str(tmp_path / "none.md")]) == 1
