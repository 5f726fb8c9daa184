"""`devstack doctor`: load tolerantly, inspect, run the rules, show the report."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import ExitCode, StackFileError, UsageError
from devstack.garbage import collected_later
from devstack.lines import split
from devstack.nearest import did_you_mean
from devstack.records import dataclass, replace
from devstack.rules import engine
from devstack.rules.base import Finding, Location, Needs, Report, Rule, Severity
from devstack.rules.inspection import Inspection

if TYPE_CHECKING:
    from devstack.contract.live import LiveFacts
    from devstack.env.files import Files
    from devstack.stack.model import Stack


_FOR_MACHINES = ("sarif", "github")  # annotations of a repository's files


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        folder: where the search for stack.toml starts.
        environment: the environment devstack was started with.
        select: rule names or ids; empty = all.
    """

    folder: Path
    environment: Mapping[str, str]
    format: str = "text"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    strict: bool = False
    live: bool = False
    fix: bool = False
    unsafe: bool = False
    timings: bool = False


def doctor(request: Request) -> int:
    """Run the command; the exit code says whether there is something at or above the threshold."""
    gc.disable()  # one look and the end: of a hundred thousand values none is garbage before
    choice = _choice(request)
    try:
        inspection = examine(request)
    except StackFileError as problem:
        if request.format not in _FOR_MACHINES:
            raise
        _show(_without_stack(problem, request.folder), request.folder, request)
        return int(problem.exit_code)
    shared = list(_shared(inspection)) if request.timings else []
    if request.fix or request.unsafe:
        from devstack.commands.doctor_fix import mend

        inspection, report = mend(request, inspection, choice)
    else:
        report = diagnose(inspection, choice)
    _show(report, inspection.root, request)
    if request.timings:
        _show_timings(report, shared)
    return exit_code(report, strict=request.strict)


def examine(request: Request) -> Inspection:
    """The stack as it is now, with answers of running services where they are asked for."""
    inspection = inspect(request.folder, request.environment)
    if request.live:
        inspection.live = _live(inspection)
    return inspection


def inspect(folder: Path, environment: Mapping[str, str]) -> Inspection:
    """Find and load the stack of `folder`, tolerantly."""
    from devstack.env.files import Files
    from devstack.stack import load

    path = load.find(folder)
    stack, problems = load.load_tolerant(path)
    root = path.parent if stack is None else stack.root
    return Inspection(root=root, stack=stack, files=Files(root), problems=problems, process_env=environment)


def diagnose(inspection: Inspection, choice: engine.Choice | None = None) -> Report:
    """Run the whole catalogue."""
    from devstack.rules.catalogue import CATALOGUE

    return _run(inspection, CATALOGUE, choice)


def preflight(stack: Stack, *, process: Mapping[str, str], files: Files | None = None) -> Report:
    """What `up` asks before it starts anything: file-level rules only; ports are its own next step."""
    from devstack.rules import roster

    if files is None:
        from devstack.env.files import Files as Reader

        files = Reader(stack.root)
    inspection = Inspection(root=stack.root, stack=stack, files=files, process_env=process)
    modules, silent = roster.may_speak(inspection)
    choice = engine.Choice(needs=frozenset((Needs.FILES,)), silent=silent)
    return _run(inspection, roster.rules(modules), choice)


def _run(inspection: Inspection, rules: Iterable[Rule], choice: engine.Choice | None) -> Report:
    with collected_later():
        return engine.run(inspection, rules, choice)


def exit_code(report: Report, *, strict: bool = False) -> int:
    """1 with errors, or with warnings where they count; else 0."""
    bad = report.count(Severity.ERROR) + (report.count(Severity.WARNING) if strict else 0)
    return int(ExitCode.FINDINGS if bad else ExitCode.OK)


def show(report: Report, inspection_root: Path, environment: Mapping[str, str]) -> str:
    """The report as text for standard output."""
    from devstack.views import findings, style

    return findings.render(report, line_reader(inspection_root), style.detect(sys.stdout, environment))


def line_reader(root: Path) -> Callable[[str, int], str | None]:
    """Reads single lines for excerpts; each file once."""
    known: dict[str, list[str]] = {}

    def read(path: str, line: int) -> str | None:
        if path not in known:
            try:
                content = (root / path).read_bytes()
            except OSError:
                content = b""
            codec = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
            known[path] = split(content.decode(codec, errors="replace"))
        lines = known[path]
        return lines[line - 1] if 0 < line <= len(lines) else None

    return read


def _live(inspection: Inspection) -> LiveFacts | None:
    """Running services are asked over loopback only; without a readable stack there is nobody to ask."""
    if inspection.stack is None:
        return None
    from devstack.commands.ws import stranger
    from devstack.contract.live import LiveFacts

    stack = inspection.stack
    return LiveFacts(
        facts=inspection.contract, stranger=lambda service: stranger(stack, service.name, service.port)
    )


def _choice(request: Request) -> engine.Choice:
    needs = {Needs.FILES, Needs.HOST} | ({Needs.LIVE} if request.live else set())
    return engine.Choice(
        select=_rules(request.select),
        ignore=_rules(request.ignore),
        needs=frozenset(needs),
        clock=time.perf_counter,
    )


def _rules(handles: tuple[str, ...]) -> frozenset[str]:
    """Names of the rules meant by names, ids, or the start of ids (`DS4`)."""
    from devstack.rules.catalogue import CATALOGUE, find

    names: set[str] = set()
    for handle in (part.strip() for text in handles for part in text.split(",") if part.strip()):
        rule = find(handle)
        group = [entry.name for entry in CATALOGUE if entry.id.startswith(handle.upper())]
        if rule is None and not (group and handle.upper().startswith("DS")):
            raise unknown_rule(handle)
        names.update([rule.name] if rule else group)
    return frozenset(names)


def unknown_rule(handle: str) -> UsageError:
    """The error for a rule that does not exist, with the nearest name."""
    from devstack.rules.catalogue import CATALOGUE

    names = [rule.name for rule in CATALOGUE]
    hint = did_you_mean(handle, names, "`devstack explain` lists the rules")
    return UsageError(f"There is no rule `{handle}`.", hint=hint)


def _without_stack(problem: StackFileError, folder: Path) -> Report:
    """What a report says where there is no stack to look at."""
    from devstack.rules.stack_file_invalid import RULE
    from devstack.stack.load import NAME

    finding = RULE.finding(problem.message, Location(path=NAME), hint=problem.hint)
    return Report(stack=folder.name, root=folder, findings=(finding,))


def _from_the_top(report: Report, root: Path) -> Report:
    """The report with paths relative to the top of the repository: what reads annotations knows no other folder."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    if top == root:
        return report

    def moved(finding: Finding) -> Finding:
        places = (
            replace(place, path=Path(os.path.relpath(root / place.path, top)).as_posix())
            if place.is_file
            else place
            for place in finding.locations
        )
        return replace(finding, locations=tuple(places))

    return replace(
        report,
        findings=tuple(map(moved, report.findings)),
        suppressed=tuple(map(moved, report.suppressed)),
    )


def _show(report: Report, root: Path, request: Request) -> None:
    if request.format in _FOR_MACHINES:
        report = _from_the_top(report, root)
    if request.format == "json":
        from devstack.views import findings_json

        text = findings_json.render(report)
    elif request.format == "sarif":
        from devstack.rules.catalogue import CATALOGUE
        from devstack.views import sarif

        text = sarif.render(report, CATALOGUE)
    elif request.format == "github":
        from devstack.views import github

        text = github.render(report)
    else:
        text = show(report, root, request.environment)
    if text:
        sys.stdout.write(text + "\n")


def explain_settings(folder: Path, environment: Mapping[str, str], *, as_json: bool) -> int:
    """devstack's own options, their values, and where each comes from."""
    from devstack import settings
    from devstack.errors import StackFileError
    from devstack.stack import load

    try:
        stack, _ = load.load_tolerant(load.find(folder))
    except StackFileError:  # options work without a stack
        stack = None
    resolved = settings.resolve({} if stack is None else stack.settings, environment)
    rows = list(resolved.explain())
    if as_json:
        import json

        listed = [{"name": name, "value": value, "from": where} for name, value, where in rows]
        sys.stdout.write(json.dumps({"version": 1, "settings": listed}, ensure_ascii=False, indent=2) + "\n")
        return int(ExitCode.OK)
    names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{name:<{names}}  {value:<{values}}  {where}" for name, value, where in rows]
    lines += [
        f"warning: {name} means nothing; {near}" for name, near in settings.unknown_variables(environment)
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(ExitCode.OK)


def _shared(inspection: Inspection) -> Iterator[tuple[str, float]]:
    """What is done once for all rules, in seconds; otherwise the first rule that asks would pay for it."""
    from devstack.rules import catalogue  # noqa: F401 - importing the rules is no rule's work either

    steps: dict[str, Callable[[], object]] = {
        "reading sources": lambda: [inspection.sources(service.name) for service in inspection.services],
        "reading env files as programs do": lambda: inspection.environments,
        "reading env files as text": lambda: [inspection.env_file(path) for path in inspection.env_paths],
        "one table of all variables": lambda: (inspection.variables.special, inspection.variables.secret),
    }
    for name, step in steps.items() if inspection.stack is not None else ():
        began = time.perf_counter()
        step()
        yield name, time.perf_counter() - began


def _show_timings(report: Report, shared: Iterable[tuple[str, float]]) -> None:
    rows = sorted(report.timings.items(), key=lambda row: -row[1])
    total = sum(report.timings.values())
    lines = [f"{seconds * 1000:8.1f} ms  ({name})" for name, seconds in shared]
    lines += [f"{seconds * 1000:8.1f} ms  {rule}" for rule, seconds in rows]
    sys.stderr.write("\n".join([*lines, f"{total * 1000:8.1f} ms  all rules", ""]))
