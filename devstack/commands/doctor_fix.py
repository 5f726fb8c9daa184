"""`devstack doctor --fix`: applies what findings offer, diff first, and looks again until nothing is left to do."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from devstack.errors import DevstackError, RefusedError
from devstack.rules import engine
from devstack.rules.base import Edit, Finding, Report
from devstack.rules.inspection import Inspection

if TYPE_CHECKING:
    from devstack.commands.doctor import Request
    from devstack.env.edit import FileChange
    from devstack.views.style import Style

_ROUNDS = 10  # one whole-file change per file and round; more means that fixes undo each other


def mend(request: Request, inspection: Inspection, choice: engine.Choice) -> tuple[Inspection, Report]:
    """Apply fixes round by round; gives the last look at the repository.

    A fix that cannot be applied (the file changed meanwhile, no spelling fits) is told and left out.
    """
    from devstack.commands import doctor

    refused: set[tuple[Edit, ...]] = set()
    done = 0
    for _ in range(_ROUNDS):
        report = doctor.diagnose(inspection, choice)
        wanted = [
            finding for finding in _fixable(report, unsafe=request.unsafe) if _edits(finding) not in refused
        ]
        if not wanted:
            break
        applied = _round(request, inspection, wanted, refused)
        done += applied
        inspection = doctor.inspect(request.folder, request.environment)
    else:
        report = doctor.diagnose(inspection, choice)
    _say(request, f"{done} fix{'' if done == 1 else 'es'} applied\n" if done else "nothing to fix\n", "")
    return inspection, report


def _fixable(report: Report, *, unsafe: bool) -> Iterator[Finding]:
    for finding in report.findings:
        if finding.fix is not None and finding.fix.edits and (finding.fix.safe or unsafe):
            yield finding


def _edits(finding: Finding) -> tuple[Edit, ...]:
    return () if finding.fix is None else finding.fix.edits


def _round(
    request: Request, inspection: Inspection, wanted: Iterable[Finding], refused: set[tuple[Edit, ...]]
) -> int:
    """One fix after the other; those that would touch a file already changed in this round wait."""
    touched: set[Path] = set()
    applied = 0
    for finding in wanted:
        edits = _edits(finding)
        paths = {(inspection.root / edit.path).resolve() for edit in edits}
        if paths & touched:
            continue
        touched |= paths
        try:
            changes = _apply(inspection, edits)
        except DevstackError as problem:
            refused.add(edits)
            _say(request, f"not fixed: {finding.rule}: {problem.message}", problem.hint or "")
            continue
        if not changes:
            refused.add(edits)  # it would change nothing: never offer it again
            continue
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
