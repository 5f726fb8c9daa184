"""Suppressions: `# devstack: ignore[rule-name] reason` above a line, and `[doctor] ignore` of stack.toml.

In sources the comment is looked for above the lines of findings only: one that does nothing is not reported there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
_NEARLY = regex(r"^\s*#\s*devstack[:-]\s*(?:ignore|disable)\b(?!\[)")


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
    wishes = list(collect(inspection))
    usable = [wish for wish in wishes if wish.reason]
    used: set[int] = set()
    kept: list[Finding] = []
    suppressed: list[Finding] = []
    for finding in findings:
        hits = [index for index, wish in enumerate(usable) if _matches(inspection.root, wish, finding)]
        used.update(hits)
        is_suppressed = bool(hits) or _has_comment_above(inspection, finding)
        (suppressed if is_suppressed else kept).append(finding)
    if unused_suppression.RULE.name not in ran:
        return kept, suppressed, []
    idle = [wish for index, wish in enumerate(usable) if index not in used]
    notes = [
        unused_suppression.without_reason(wish.rule, wish.location) for wish in wishes if not wish.reason
    ]
    notes += [unused_suppression.malformed(place) for place in _malformed(inspection)]
    notes += unused_suppression.findings(((wish.rule, wish.location) for wish in idle), ran)
    return kept, suppressed, notes


def collect(inspection: Inspection) -> Iterator[Suppression]:
    """Every suppression of the repository: comments of env files and stack.toml, entries of stack.toml."""
    for path in _declaring(inspection):
        yield from _comments(inspection, path)
    if inspection.stack is None:
        return
    for index, entry in enumerate(inspection.stack.doctor.ignore):
        place = inspection.at_key(f"doctor.ignore.{index}")
        yield Suppression(rule=entry.rule, reason=entry.reason, location=place, entry=entry)


def _comments(inspection: Inspection, path: Path) -> Iterator[Suppression]:
    lines = _lines(inspection, path)
    for number, line in enumerate(lines, start=1):
        found = _COMMENT.match(line)
        if found is None:
            continue
        place = inspection.at(Path(os.path.realpath(path)), number)
        for rule in re.split(r"[,\s]+", found.group(1).strip()):
            yield Suppression(
                rule=rule, reason=found.group(2).strip(), location=place, line=_spoken_of(lines, number)
            )


def _declaring(inspection: Inspection) -> list[Path]:
    """Files whose suppressions are all known: env files and stack.toml."""
    return [*inspection.env_paths, *([] if inspection.stack is None else [inspection.stack.path])]


def _lines(inspection: Inspection, path: Path) -> list[str]:
    """Of a file that speaks to devstack; others have none to look at."""
    try:
        content = inspection.files.read(path)
    except OSError:
        return []
    if content is None or b"devstack" not in content:
        return []
    return split(content.decode("utf-8", errors="replace"))


def _malformed(inspection: Inspection) -> Iterator[Location]:
    for path in _declaring(inspection):
        for number, line in enumerate(_lines(inspection, path), start=1):
            if _NEARLY.match(line):
                yield inspection.at(path, number)


def _has_comment_above(inspection: Inspection, finding: Finding) -> bool:
    """Whether the source line that the finding begins at stands below a suppression of it, with a reason."""
    place = finding.locations[0] if finding.locations else None
    if place is None or place.line is None or not place.is_file:
        return False
    path = inspection.root / place.path
    if path in inspection.once(_collected):
        return False  # those were collected
    for line in reversed(_lines(inspection, path)[: place.line - 1]):
        found = _COMMENT.match(line)
        if found is None:
            return False
        if found[2] and {finding.rule, finding.id} & set(re.split(r"[,\s]+", found[1].strip())):
            return True
    return False


def _collected(inspection: Inspection) -> frozenset[Path]:
    return frozenset(_declaring(inspection))


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
