"""The engine: isolation, one finding per cause, order, choice, suppressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.errors import RefusedError
from devstack.rules import engine
from devstack.rules.base import Finding, Location, Needs, Rule, Severity, Skip
from devstack.rules.catalogue import CATALOGUE
from devstack.rules.inspection import Inspection

STACK = """\
name = "three"
[services.web]
type = "command"
command = "sleep 1"
depends_on = ["ws"]
[services.ws]
type = "command"
command = "sleep 1"
depends_on = ["db"]
[services.db]
type = "command"
command = "sleep 1"
"""


def rule_of(check: Callable[[Inspection], Iterator[Finding]], name: str = "probe", **more: Any) -> Rule:
    fields = {"id": "DS999", "severity": Severity.ERROR, "page": "x", **more}
    return Rule(name=name, check=check, **fields)


def says(*found: Finding) -> Callable[[Inspection], Iterator[Finding]]:
    def check(inspection: Inspection) -> Iterator[Finding]:
        yield from found

    return check


def finding(message: str = "m", **more: Any) -> Finding:
    fields = {"rule": "probe", "id": "DS999", "severity": Severity.ERROR, **more}
    return Finding(message=message, **fields)


@pytest.fixture
def three(inspected: Callable[..., Inspection]) -> Inspection:
    return inspected({"stack.toml": STACK})


def test_a_rule_that_fails_is_skipped_by_name_and_type_and_the_others_go_on(three: Inspection) -> None:
    def fails(inspection: Inspection) -> Iterator[Finding]:
        yield finding()
        raise KeyError("hunter2")

    report = engine.run(three, [rule_of(fails, "broken"), rule_of(says(finding("kept")))])
    assert [found.message for found in report.findings] == ["kept"]
    (skip,) = report.skipped
    assert (skip.rule, skip.reason) == ("broken", "internal failure (KeyError)")


def test_skip_and_known_errors_give_their_own_reason(three: Inspection) -> None:
    def skips(inspection: Inspection) -> Iterator[Finding]:
        raise Skip("the value is encrypted")
        yield

    def refuses(inspection: Inspection) -> Iterator[Finding]:
        raise RefusedError("not without consent")
        yield

    report = engine.run(three, [rule_of(skips, "a"), rule_of(refuses, "b")])
    assert [skip.reason for skip in report.skipped] == ["the value is encrypted", "not without consent"]


def test_endless_recursion_in_a_rule_is_only_a_skip(three: Inspection) -> None:
    def endless(inspection: Inspection) -> Iterator[Finding]:
        yield from endless(inspection)

    report = engine.run(three, [rule_of(endless)])
    assert report.skipped[0].reason == "internal failure (RecursionError)"


def test_one_file_behind_two_links_is_one_finding_at_the_file_itself(
    inspected: Callable[..., Inspection], tmp_path: Path
) -> None:
    inspection = inspected({"stack.toml": STACK, ".env": "A=1\n", "web/x": "", "ws/x": ""})
    for service in ("web", "ws"):
        (tmp_path / service / ".env").symlink_to("../.env")
    found = [
        finding(f"seen by {service}", locations=(Location(path=f"{service}/.env", line=1, variable="A"),))
        for service in ("web", "ws")
    ]
    report = engine.run(inspection, [rule_of(says(*found))])
    assert [place.path for one in report.findings for place in one.locations] == [".env"]


def test_the_graver_of_two_findings_at_one_place_is_kept(three: Inspection) -> None:
    place = (Location(path="stack.toml", line=2, variable="A"),)
    report = engine.run(
        three,
        [rule_of(says(finding(severity=Severity.INFO, locations=place), finding(locations=place)))],
    )
    assert [found.severity for found in report.findings] == [Severity.ERROR]


def test_errors_come_first_and_among_them_what_most_services_wait_for(three: Inspection) -> None:
    report = engine.run(
        three,
        [
            rule_of(
                says(
                    finding("note", severity=Severity.INFO, service="db"),
                    finding("web", service="web"),
                    finding("ws", service="ws"),
                    finding("db", service="db"),
                    finding("file", id="DS001"),
                )
            )
        ],
    )
    assert [found.message for found in report.findings] == ["file", "db", "ws", "web", "note"]


def test_only_chosen_rules_run_and_ignore_wins(three: Inspection) -> None:
    rules = [rule_of(says(finding(rule=name)), name, id=f"DS90{number}") for number, name in enumerate("abc")]
    choice = engine.Choice(select=frozenset(("a", "b")), ignore=frozenset(("b",)))
    assert [found.rule for found in engine.run(three, rules, choice).findings] == ["a"]


def test_live_rules_wait_for_live(three: Inspection) -> None:
    rules = [rule_of(says(finding()), needs=Needs.LIVE)]
    assert not engine.run(three, rules).findings
    assert engine.run(three, rules, engine.Choice(needs=frozenset(Needs))).findings


def test_every_rule_is_timed(three: Inspection) -> None:
    ticks = iter(range(100))
    choice = engine.Choice(clock=lambda: float(next(ticks)))
    assert engine.run(three, [rule_of(says(), "a"), rule_of(says(), "b")], choice).timings == {"a": 1, "b": 1}


def test_a_comment_above_the_line_suppresses_with_its_reason(inspected: Callable[..., Inspection]) -> None:
    inspection = inspected(
        {
            "stack.toml": STACK.replace('"command"', '"python"').replace("type", 'dir = "ws"\ntype'),
            "ws/.env": "# devstack: ignore[duplicate-key, DS508] both are needed\nA=1\nA=2\n",
        }
    )
    report = engine.run(inspection, CATALOGUE, engine.Choice(select=frozenset(("duplicate-key",))))
    assert not report.findings
    assert [found.rule for found in report.suppressed] == ["duplicate-key"]


def test_an_entry_of_stack_toml_suppresses_by_path_and_variable(inspected: Callable[..., Inspection]) -> None:
    ignore = (
        '[doctor]\nignore = [{ rule = "duplicate-key", path = "ws/.env", variable = "%s", reason = "x" }]\n'
    )
    for variable, count in (("A", 0), ("B", 1)):
        inspection = inspected(
            {
                "stack.toml": '[services.ws]\ntype="python"\ncommand="sleep 1"\ndir="ws"\n'
                + ignore % variable,
                "ws/.env": "A=1\nA=2\n",
            }
        )
        report = engine.run(inspection, CATALOGUE, engine.Choice(select=frozenset(("duplicate-key",))))
        assert len(report.findings) == count


@pytest.mark.parametrize("name", [".env", ".env.local"])
def test_folders_named_like_env_files_disturb_nothing(
    name: str, inspected: Callable[..., Inspection]
) -> None:
    inspection = inspected({"stack.toml": STACK, f"{name}/x": "1", "web/package.json/x": ""})
    assert not any("internal" in skip.reason for skip in engine.run(inspection, CATALOGUE).skipped)


def test_strange_files_disturb_nothing(inspected: Callable[..., Inspection], tmp_path: Path) -> None:
    inspection = inspected(
        {"stack.toml": STACK.replace('"command"', '"python"'), ".env.big": b"A=1\n" * 2_000_000}
    )
    (tmp_path / ".env").symlink_to(".env")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / ".env.local").write_bytes(b"A=\xff\xfe\0\n=\n\x00\n")
    (tmp_path / ".env.secret").write_text("A=1\n")
    (tmp_path / ".env.secret").chmod(0)
    report = engine.run(inspection, CATALOGUE)
    assert not [skip for skip in report.skipped if "internal" in skip.reason]


def test_a_name_that_is_not_utf8_disturbs_nothing(
    inspected: Callable[..., Inspection], tmp_path: Path
) -> None:
    import os

    inspection = inspected({"stack.toml": STACK})
    with open(os.fsencode(tmp_path) + b"/.env.\xff", "wb") as file:  # noqa: PTH123 - a bytes path
        file.write(b"A=1\nA=2\n")
    report = engine.run(inspection, CATALOGUE)
    assert not [skip for skip in report.skipped if "internal" in skip.reason]


def test_an_env_file_of_many_megabytes_is_said_and_not_looked_at(
    inspected: Callable[..., Inspection],
) -> None:
    stack = '[services.ws]\ntype = "python"\ncommand = "sleep 1"\n'
    inspection = inspected({"stack.toml": stack, ".env": b"A=1\n" * 2_000_000})
    report = engine.run(inspection, CATALOGUE, engine.Choice(needs=frozenset((Needs.FILES,))))
    assert [(found.rule, found.severity) for found in report.findings] == [("loader-crash", Severity.WARNING)]
    assert "8 MB" in report.findings[0].message
