"""Suppressions: `# devstack: ignore[rule-name] reason` above a line, and `[doctor] ignore` of stack.toml.

Comments are known of env files, stack.toml, sources, and of any other file that a finding is in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.source.walk import SUFFIXES
from devstack.lines import split
from devstack.patterns import regex
from devstack.records import dataclass
from devstack.rules import unused_suppression
from devstack.rules.base import Finding, Location

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Ignore

_COMMENT = regex(
    r"^\s*(?:#|//|/\*|<!--|\{/\*)\s*devstack:\s*ignore\[([^\]]*)\][ \t]*(.*?)\s*(?:\*/\}?|-->)?$"
)
_NEARLY = regex(r"(?:#|//|/\*|<!--)\s*devstack[:-]\s*(?:ignore|disable)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One wish to be left alone.

    Attributes:
        rule: name or id, as written.
        location: where the wish stands.
        line: the line it speaks about; None for `[doctor] ignore`.
        entry: the `[doctor] ignore` entry.
    """

    rule: str
    reason: str
    location: Location
    line: int | None = None
    entry: Ignore | None = None


def apply(
    inspection: Inspection, findings: Sequence[Finding], ran: set[str]
) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Split findings into kept and suppressed; the third list says which suppressions do nothing.

    Args:
        ran: names of the rules that ran; a suppression of another rule cannot be judged.
    """
    is_judged = unused_suppression.RULE.name in ran
    paths = _speaking(inspection, findings, sources=is_judged)
    wishes = [*_entries(inspection), *(wish for path in paths for wish in _comments(inspection, path))]
    usable = [wish for wish in wishes if wish.reason]
    used: set[int] = set()
    kept: list[Finding] = []
    suppressed: list[Finding] = []
    for finding in findings:
        hits = [index for index, wish in enumerate(usable) if _matches(inspection.root, wish, finding)]
        used.update(hits)
        (suppressed if hits else kept).append(finding)
    if not is_judged:
        return kept, suppressed, []
    idle = [wish for index, wish in enumerate(usable) if index not in used]
    notes = [
        unused_suppression.without_reason(wish.rule, wish.location) for wish in wishes if not wish.reason
    ]
    notes += [unused_suppression.malformed(place) for path in paths for place in _malformed(inspection, path)]
    notes += unused_suppression.findings(((wish.rule, wish.location) for wish in idle), ran)
    return kept, suppressed, notes


def _entries(inspection: Inspection) -> Iterator[Suppression]:
    for index, entry in enumerate(() if inspection.stack is None else inspection.stack.doctor.ignore):
        place = inspection.at_key(f"doctor.ignore.{index}")
        yield Suppression(rule=entry.rule, reason=entry.reason, location=place, entry=entry)


def _speaking(inspection: Inspection, findings: Sequence[Finding], *, sources: bool) -> tuple[Path, ...]:
    """Files whose comments count, each real one once."""
    paths = [*inspection.env_paths, *([] if inspection.stack is None else [inspection.stack.path])]
    paths += [inspection.root / path for path in (inspection.once(_remarks) if sources else ())]
    places = dict.fromkeys(place.path for each in findings for place in each.locations if place.is_file)
    paths += [inspection.root / path for path in places]
    return tuple({inspection.real(path): path for path in paths}.values())


def _remarks(inspection: Inspection) -> dict[str, frozenset[int]]:
    """Sources that speak to devstack, with the lines on which a comment does."""
    indexes = [inspection.sources(service.name) for service in inspection.services]
    return {path: lines for index in indexes for path, lines in index.remarks.items()}


def _comments(inspection: Inspection, path: Path) -> Iterator[Suppression]:
    lines = _lines(inspection, path)
    for number, line in _speaking_lines(inspection, path, lines):
        found = _COMMENT.match(line)
        if found is None:
            continue
        place = inspection.at(inspection.real(path), number)
        for rule in re.split(r"[,\s]+", found[1].strip()):
            yield Suppression(
                rule=rule, reason=found[2].strip(), location=place, line=_spoken_of(lines, number)
            )


def _malformed(inspection: Inspection, path: Path) -> Iterator[Location]:
    for number, line in _speaking_lines(inspection, path, _lines(inspection, path)):
        if _NEARLY.search(line) and not _COMMENT.match(line):
            yield inspection.at(path, number)


def _speaking_lines(inspection: Inspection, path: Path, lines: Sequence[str]) -> list[tuple[int, str]]:
    """Numbers and texts of lines that may speak to devstack; in a source only comments do."""
    found = [(number, line) for number, line in enumerate(lines, start=1) if "devstack" in line]
    if not found or path.suffix not in SUFFIXES:
        return found
    known = inspection.once(_remarks).get(inspection.shown(path))
    return found if known is None else [(number, line) for number, line in found if number in known]


def _lines(inspection: Inspection, path: Path) -> list[str]:
    """Of a file that speaks to devstack; others have none to look at."""
    try:
        content = inspection.files.read(path)
    except OSError:
        return []
    if content is None or b"devstack" not in content:
        return []
    return split(content.decode("utf-8", errors="replace"))


def _spoken_of(lines: Sequence[str], number: int) -> int:
    """The line below the comment; further suppressions in between do not count."""
    line = number + 1
    while line <= len(lines) and _COMMENT.match(lines[line - 1]):
        line += 1
    return line


def _matches(root: Path, wish: Suppression, finding: Finding) -> bool:
    if wish.rule not in (finding.rule, finding.id):
        return False
    if wish.entry is None:
        return any(
            place.path == wish.location.path and place.line == wish.line for place in finding.locations
        )
    entry = wish.entry
    return (
        (entry.service is None or entry.service == finding.service)
        and (entry.path is None or _same_file(root, entry.path, finding.locations))
        and (entry.variable is None or any(place.variable == entry.variable for place in finding.locations))
    )


def _same_file(root: Path, path: str, places: Iterable[Location]) -> bool:
    wanted = os.path.realpath(root / path)
    return any(os.path.realpath(root / place.path) == wanted for place in places)
