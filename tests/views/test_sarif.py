"""The SARIF log, against the published schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from devstack.records import replace
from devstack.rules.base import Finding, Fix, Location, Report, Severity, Skipped
from devstack.rules.catalogue import CATALOGUE
from devstack.views import findings_json, github, sarif

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "corpus" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")
)


@pytest.fixture
def report() -> Report:
    found = tuple(
        Finding(
            rule=rule.name,
            id=rule.id,
            severity=rule.severity,
            message=f"wrong: 100%\nsecond line, {rule.name}",
            service="ws",
            locations=(
                Location(path="web/é .env", line=3, variable="A"),
                Location(path="../agent/.env", note="also"),
            )
            if number % 2
            else (),
            hint="mend it",
            fix=Fix(title="do it", safe=True),
        )
        for number, rule in enumerate(CATALOGUE)
    )
    skipped = (Skipped(rule="port-held", reason="no permission"),)
    return Report(stack="demo", root=Path("/x"), findings=found, skipped=skipped, suppressed=found[:2])


def test_a_rule_that_failed_makes_the_execution_unsuccessful(report: Report) -> None:
    failed = Skipped(rule="syntax", reason="internal failure (KeyError)", is_failure=True)
    for skipped, is_successful in ((report.skipped, True), ((*report.skipped, failed), False)):
        log = json.loads(sarif.render(replace(report, skipped=skipped), CATALOGUE))
        (invocation,) = log["runs"][0]["invocations"]
        assert invocation["executionSuccessful"] is is_successful
        levels = [note["level"] for note in invocation["toolExecutionNotifications"]]
        assert levels == ["note", "error"][: len(skipped)]


def test_the_log_is_valid_by_the_published_schema(report: Report) -> None:
    jsonschema.Draft4Validator(SCHEMA).validate(json.loads(sarif.render(report, CATALOGUE)))


def test_an_empty_log_is_valid(report: Report) -> None:
    empty = Report(stack="demo", root=Path("/x"), findings=())
    jsonschema.Draft4Validator(SCHEMA).validate(json.loads(sarif.render(empty, CATALOGUE)))


def test_every_result_points_to_its_rule_and_suppressed_ones_say_so(report: Report) -> None:
    (run,) = json.loads(sarif.render(report, CATALOGUE))["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert sum("suppressions" in result for result in run["results"]) == 2


def test_fingerprints_do_not_change_when_lines_move(report: Report) -> None:
    def prints(line: int) -> object:
        found = Finding(
            rule="syntax",
            id="DS508",
            severity=Severity.ERROR,
            message="m",
            locations=(Location(path="a", line=line),),
        )
        log = sarif.as_dict(Report(stack="s", root=Path("/"), findings=(found,)), CATALOGUE)
        return log["runs"][0]["results"][0]["partialFingerprints"]  # type: ignore[index]

    assert prints(1) == prints(7)


def test_annotations_escape_what_would_end_them(report: Report) -> None:
    lines = github.render(report).splitlines()
    assert len(lines) == len(CATALOGUE) + 1
    assert "wrong: 100%25%0Asecond line" in lines[0]
    marked = next(line for line in lines if "file=" in line)
    assert marked.startswith("::") and ",file=web/é .env,line=3" in marked


def test_json_keys_are_those_of_the_contract(report: Report) -> None:
    body = json.loads(findings_json.render(report))
    assert list(body) == ["version", "stack", "findings", "skipped", "summary"]
    assert body["version"] == 1
    assert {"rule", "id", "severity", "service", "message", "locations", "fix"} <= set(body["findings"][1])
    assert set(body["findings"][1]["locations"][0]) >= {"path", "line", "variable"}
    assert body["findings"][1]["fix"] == {"title": "do it", "safe": True}
    assert sum(body["summary"].values()) == len(CATALOGUE)


def test_two_findings_at_one_place_are_two_alerts() -> None:
    found = [
        Finding(
            rule="syntax",
            id="DS508",
            severity=Severity.ERROR,
            message=text,
            locations=(Location(path="a", line=1),),
        )
        for text in ("one", "two", "three")
    ]
    (run,) = json.loads(sarif.render(Report(stack="s", root=Path("/"), findings=tuple(found)), CATALOGUE))[
        "runs"
    ]
    assert len({json.dumps(result["partialFingerprints"]) for result in run["results"]}) == 3


def test_what_is_in_no_file_is_shown_at_the_file_that_belongs_to_it() -> None:
    places = (
        Location(path="(process environment)", variable="A"),
        Location(path="web/.env", line=2, variable="A"),
    )
    found = Finding(
        rule="shadowed-by-process", id="DS503", severity=Severity.ERROR, message="m", locations=places
    )
    report = Report(stack="s", root=Path("/"), findings=(found,))
    log = json.loads(sarif.render(report, CATALOGUE))
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    (place,) = log["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "web/.env"
    assert "file=web/.env,line=2" in github.render(report)
