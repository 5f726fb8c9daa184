"""The report as SARIF 2.1.0, for code scanning of GitHub, GitLab and editors."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from devstack import __version__
from devstack.rules.base import Finding, Location, Report, Rule, Severity, Skipped

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(report: Report, rules: Sequence[Rule]) -> str:
    """One SARIF log, indented. `rules` are those whose pages may be quoted."""
    return json.dumps(as_dict(report, rules), ensure_ascii=False, indent=2)


def as_dict(report: Report, rules: Sequence[Rule]) -> dict[str, object]:
    """The SARIF log as plain data."""
    named = {finding.rule for finding in (*report.findings, *report.suppressed)}
    used = [rule for rule in rules if rule.name in named]
    index = {rule.name: position for position, rule in enumerate(used)}
    marks = _fingerprints((*report.findings, *report.suppressed))
    results = [_result(finding, index, next(marks)) for finding in report.findings]
    results += [
        {**_result(finding, index, next(marks)), "suppressions": [{"kind": "inSource"}]}
        for finding in report.suppressed
    ]
    run: dict[str, object] = {
        "tool": {
            "driver": {
                "name": "devstack",
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in used],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The top folder of the repository."}}},
        "invocations": [
            {
                "executionSuccessful": not any(skip.is_failure for skip in report.skipped),
                "toolExecutionNotifications": [_skipped(skip) for skip in report.skipped],
            }
        ],
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _skipped(skip: Skipped) -> dict[str, object]:
    level = "error" if skip.is_failure else "note"
    return {"level": level, "message": {"text": f"{skip.rule} was skipped: {skip.reason}"}}


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, index: dict[str, int], fingerprint: str) -> dict[str, object]:
    text = finding.message if not finding.hint else f"{finding.message}\n{finding.hint}"
    result: dict[str, object] = {
        "ruleId": finding.id,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "partialFingerprints": {"devstack/v1": fingerprint},
    }
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    places = sorted(finding.locations, key=lambda place: not place.is_file)  # code scanning shows files only
    if places:
        result["locations"] = [_location(places[0])]
        result["relatedLocations"] = [
            {**_location(place), "id": number, "message": {"text": place.note or place.shown}}
            for number, place in enumerate(places[1:], start=1)
        ]
    return result


def _location(place: Location) -> dict[str, object]:
    if not place.is_file:
        return {
            "logicalLocations": [{"name": place.variable or place.path, "fullyQualifiedName": place.path}]
        }
    physical: dict[str, object] = {
        "artifactLocation": {"uri": quote(place.path, safe="/.~"), "uriBaseId": "ROOT"}
    }
    if place.line is not None:
        physical["region"] = {"startLine": place.line}
    location: dict[str, object] = {"physicalLocation": physical}
    if place.variable:
        location["logicalLocations"] = [{"name": place.variable, "kind": "variable"}]
    return location


def _fingerprints(findings: Iterable[Finding]) -> Iterator[str]:
    """One for each; a second finding of the same rule, file and variable is another one all the same."""
    seen: Counter[str] = Counter()
    for finding in findings:
        identity = _identity(finding)
        seen[identity] += 1
        number = seen[identity]
        yield identity if number == 1 else f"{identity}/{number}"


def _identity(finding: Finding) -> str:
    """Stays equal while lines move: rule, file and variable, never a value or a line."""
    place = finding.locations[0] if finding.locations else Location(path="")
    text = "\0".join((finding.rule, finding.service or "", place.path, place.variable or ""))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
