"""The report as workflow commands of GitHub Actions: annotations at the lines of a pull request."""

from __future__ import annotations

from devstack.invisible import visible
from devstack.rules.base import Finding, Report, Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """One command a line, and a last plain line with the counts."""
    lines = [_command(finding) for finding in report.findings]
    counts = ", ".join(f"{report.count(severity)} {severity.value}" for severity in Severity)
    return "\n".join([*lines, f"{visible(report.stack)}: {counts}"])


def _command(finding: Finding) -> str:
    properties = {"title": f"{finding.rule} ({finding.id})"}
    place = next((place for place in finding.locations if place.is_file), None)
    if place is not None:
        properties["file"] = place.path
        if place.line is not None:
            properties["line"] = str(place.line)
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    text = finding.message if not finding.hint else f"{finding.message}\n{finding.hint}"
    return f"::{_COMMANDS[finding.severity]} {written}::{_data(text)}"


def _data(text: str) -> str:
    return "%0A".join(visible(line) for line in text.replace("%", "%25").split("\n"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
