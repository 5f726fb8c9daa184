"""The report as JSON, version 1 of the contract: explicit mapping, stable keys."""

from __future__ import annotations

import json

from devstack.rules.base import Finding, Location, Report, Severity


def render(report: Report) -> str:
    """One JSON object, indented."""
    return json.dumps(as_dict(report), ensure_ascii=False, indent=2)


def as_dict(report: Report) -> dict[str, object]:
    """The report as plain data."""
    return {
        "version": 1,
        "stack": report.stack,
        "findings": [_finding(finding) for finding in report.findings],
        "skipped": [{"rule": skip.rule, "reason": skip.reason} for skip in report.skipped],
        "summary": {severity.value: report.count(severity) for severity in Severity},
    }


def _finding(finding: Finding) -> dict[str, object]:
    fix = finding.fix
    return {
        "rule": finding.rule,
        "id": finding.id,
        "severity": finding.severity.value,
        "service": finding.service,
        "message": finding.message,
        "hint": finding.hint,
        "locations": [_location(place) for place in finding.locations],
        "fix": None if fix is None else {"title": fix.title, "safe": fix.safe},
    }


def _location(place: Location) -> dict[str, object]:
    return {"path": place.path, "line": place.line, "variable": place.variable, "note": place.note}
