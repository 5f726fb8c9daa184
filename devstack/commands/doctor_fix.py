"""`devstack doctor --fix`: applies what findings offer, diff first, and looks again until nothing is left to do."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from devstack.errors import DevstackError, RefusedError
from devstack.rules import engine
from devstack.rules.base import Edit, Finding, Location, Report
from devstack.rules.inspection import Inspection

if TYPE_CHECKING:
    from devstack.commands.doctor import Request
    from devstack.env.edit import FileChange
    from devstack.views.style import Style

_Cause = tuple[str, str, int | None, str | None]  # rule, path, line, variable


def mend(request: Request, inspection: Inspection, choice: engine.Choice) -> tuple[Inspection, Report]:
    """Apply fixes round by round; gives the last look at the repository.

    A fix that cannot be applied (the file changed meanwhile, no spelling fits) is told and left out; one that did
    not mend its finding is not applied again.
    """
    from devstack.commands import doctor

    tried: set[_Cause] = set()
    done = 0
    while True:
        report = doctor.diagnose(inspection, choice)
        wanted = [
            finding for finding in _fixable(report, unsafe=request.unsafe) if _cause(finding) not in tried
        ]
        if not wanted:
            break
        done += _round(request, inspection, wanted, tried)
        inspection = doctor.examine(request)
    applied = f"{done} fix{'' if done == 1 else 'es'} applied"
    nothing = "nothing was fixed" if tried else "nothing to fix"
    _say(request, f"{applied if done else nothing}\n", "")
    return inspection, report


def _fixable(report: Report, *, unsafe: bool) -> Iterator[Finding]:
    for finding in report.findings:
        if finding.fix is not None and finding.fix.edits and (finding.fix.safe or unsafe):
            yield finding


def _cause(finding: Finding) -> _Cause:
    """What a fix is for. Its edits hold whole files, and notes hold fingerprints: both are others in each round."""
    place = finding.locations[0] if finding.locations else Location(path="")
    return finding.rule, place.path, place.line, place.variable


def _round(request: Request, inspection: Inspection, wanted: Iterable[Finding], tried: set[_Cause]) -> int:
    """One fix after the other; those that would touch a file already changed in this round wait."""
    touched: set[Path] = set()
    applied = 0
    for finding in wanted:
        edits = () if finding.fix is None else finding.fix.edits
        paths = {(inspection.root / edit.path).resolve() for edit in edits}
        if paths & touched:
            continue
        touched |= paths
        tried.add(_cause(finding))
        try:
            changes = _apply(inspection, edits)
        except DevstackError as problem:
            _say(request, f"not fixed: {finding.rule}: {problem.message}", problem.hint or "")
            continue
        if changes:
            applied += 1
            _show(request, inspection, finding, changes)
    return applied


def _apply(inspection: Inspection, edits: tuple[Edit, ...]) -> tuple[FileChange, ...]:
    """Plan, make sure that the files are those that the rules saw, write."""
    from devstack.env import edit
    from devstack.env.readers import Readers

    readers = None if inspection.stack is None else Readers(inspection.stack, inspection.environments)
    changes = edit.plan(edits, inspection.root, readers=readers)
    for change in changes:
        seen = inspection.files.read(change.path)
        if seen is not None and seen != change.before:
            raise RefusedError(f"{change.path.name} changed since it was read.", hint="run doctor again")
    edit.write(changes)
    return changes


def _show(request: Request, inspection: Inspection, finding: Finding, changes: Iterable[FileChange]) -> None:
    from devstack.views import diff

    title, style = finding.fix.title if finding.fix else "", _style(request)
    _stream(request).write(diff.heading(finding.rule, title, style) + "\n")
    for change in changes:
        text = diff.render(inspection.shown(change.path), change.before, change.after, style)
        _stream(request).write(text + "\n\n")


def _say(request: Request, text: str, hint: str) -> None:
    tail = f" ({hint})" if hint else ""
    _stream(request).write(f"{text}{tail}\n")


def _stream(request: Request) -> TextIO:
    return sys.stdout if request.format == "text" else sys.stderr


def _style(request: Request) -> Style:
    from devstack.views import style

    return style.detect(_stream(request), request.environment)
