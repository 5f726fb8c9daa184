"""Runs rules over an inspection and makes one report: isolated, once per cause, suppressed, sorted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.records import dataclass, field, replace
from devstack.rules import suppress
from devstack.rules.base import Finding, Location, Needs, Report, Rule, Severity, Skip, Skipped
from devstack.stack import graph

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_RANK = {severity: rank for rank, severity in enumerate(Severity)}
FILES_AND_HOST = frozenset((Needs.FILES, Needs.HOST))


def _no_clock() -> float:
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which rules run.

    Attributes:
        select: names or ids; empty = all. `ignore` wins over it.
        needs: what the rules may look at.
        silent: names of rules that were left out because they cannot find anything: as good as run.
        clock: seconds, for `--timings`; rules themselves know no time.
    """

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    needs: frozenset[Needs] = FILES_AND_HOST
    silent: frozenset[str] = frozenset()
    clock: Callable[[], float] = field(default=_no_clock, repr=False)

    def admits(self, rule: Rule) -> bool:
        """Whether `rule` runs."""
        names = {rule.name, rule.id, rule.id.lower()}
        if names & self.ignore or rule.needs not in self.needs:
            return False
        return not self.select or bool(names & self.select)


def run(inspection: Inspection, rules: Iterable[Rule], choice: Choice | None = None) -> Report:
    """Run the chosen rules. A rule that fails is skipped with its name and never takes others down."""
    choice = choice or Choice()
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    timings: dict[str, float] = {}
    chosen = [rule for rule in rules if choice.admits(rule)]
    for rule in chosen:
        began = choice.clock()
        found, skip = _run_one(rule, inspection)
        timings[rule.name] = choice.clock() - began
        findings += found
        if skip is not None:
            skipped.append(skip)
    unique = _once_per_cause(inspection.root, findings)
    ran = {*choice.silent, *(rule.name for rule in chosen)}
    try:
        kept, suppressed, notes = suppress.apply(inspection, unique, ran)
    except Exception as problem:  # then nothing is hidden
        kept, suppressed, notes = unique, [], []
        skipped.append(_failed("suppressions", problem))
    return Report(
        stack=inspection.root.name if inspection.stack is None else inspection.stack.name,
        root=inspection.root,
        findings=tuple(sorted([*kept, *notes], key=partial(_order, inspection))),
        skipped=tuple(skipped),
        suppressed=tuple(suppressed),
        timings=timings,
    )


def _run_one(rule: Rule, inspection: Inspection) -> tuple[list[Finding], Skipped | None]:
    """All findings or none: a rule that fails half-way has decided nothing."""
    try:
        return list(rule.check(inspection)), None
    except Skip as skip:
        return [], Skipped(rule=rule.name, reason=skip.reason)
    except DevstackError as problem:
        return [], Skipped(rule=rule.name, reason=problem.message)
    except Exception as problem:
        return [], _failed(rule.name, problem)


def _failed(rule: str, problem: Exception) -> Skipped:
    """With the type only: a message could hold a value."""
    return Skipped(rule=rule, reason=f"internal failure ({type(problem).__name__})", is_failure=True)


def _once_per_cause(root: Path, findings: Iterable[Finding]) -> list[Finding]:
    """One finding per rule and place; a place is the real file, however many links lead to it."""
    places = _Places(root)
    kept: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        mended = replace(finding, locations=places.real(finding.locations))
        key = _cause(mended)
        earlier = kept.get(key)
        if earlier is None or _RANK[mended.severity] < _RANK[earlier.severity]:
            kept[key] = mended
    return list(kept.values())


def _cause(finding: Finding) -> tuple[object, ...]:
    if not finding.locations or finding.locations[0].line is None:
        return (finding.rule, finding.locations[:1], finding.message)
    first = finding.locations[0]
    return (finding.rule, first.path, first.line, first.variable or finding.message)


class _Places:
    """Turns paths that lead through symlinks into the file itself, as long as it lies in the repository."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._known: dict[str, str] = {}

    def real(self, locations: tuple[Location, ...]) -> tuple[Location, ...]:
        found = [replace(place, path=self._path(place.path)) for place in locations]
        return tuple(dict.fromkeys(found))

    def _path(self, path: str) -> str:
        if path not in self._known:
            real = os.path.realpath(self._root / path)
            inside = os.path.commonpath((real, self._real_root)) == self._real_root
            if inside and os.path.lexists(real):
                self._known[path] = Path(os.path.relpath(real, self._real_root)).as_posix()
            else:
                self._known[path] = path
        return self._known[path]


def _order(inspection: Inspection, finding: Finding) -> tuple[object, ...]:
    """By severity, then by what blocks most: a broken stack.toml, then services that many others need."""
    place = finding.locations[0] if finding.locations else Location(path="")
    return (
        _RANK[finding.severity],
        finding.id != "DS001",
        -inspection.once(_weight, finding.service or ""),
        finding.id,
        place.path,
        place.line or 0,
        finding.message,
    )


def _weight(inspection: Inspection, service: str) -> int:
    """How many services cannot start without this one, itself included; 0 where a finding belongs to none."""
    return len(graph.reach(inspection.once(_needed_by), [service])) if service else 0


def _needed_by(inspection: Inspection) -> graph.Edges:
    return {} if inspection.stack is None else graph.needed_by(inspection.stack)
