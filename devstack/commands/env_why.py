"""`devstack env why`: one variable through all layers, and every reader of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.commands.env import check_services
from devstack.env.files import Files
from devstack.env.model import Environment, LoadIssue, Value
from devstack.env.resolve import resolve
from devstack.env.source.model import SourceIndex, SourceRead
from devstack.env.source.scan import SourceScanner
from devstack.errors import ExitCode, UsageError
from devstack.lines import split
from devstack.stack import load
from devstack.views import env as env_view
from devstack.views import env_why as view
from devstack.views.style import detect


def why(folder: Path, reference: str, environment: Mapping[str, str], *, as_json: bool, reveal: bool) -> int:
    """Show `service:NAME` (that service first, then every other one that knows it), or NAME everywhere."""
    stack = load.load(load.find(folder))
    service, name = _parts(reference)
    if service is not None:
        check_services(stack, (service,))
    files = Files(stack.root)
    scanner = SourceScanner(stack.root, files)

    def sources(which: str) -> SourceIndex:
        return scanner.index(stack, which)

    found = resolve(stack, process=environment, files=files, sources=sources)
    sights = [_sight(one, name, sources(one.service), files) for one in found.values()]
    concerned = _concerned(sights, service, name)
    if not concerned:
        raise UsageError(
            f"No service defines or reads `{name}`.", hint="`devstack env` lists what env files define"
        )
    shown = env_view.Disclosure(root=stack.root, reveal=reveal)
    if as_json:
        text = view.as_json(name, concerned, shown)
    else:
        text = view.text(name, concerned, shown, detect(sys.stdout, environment))
    sys.stdout.write(text + "\n")
    return int(ExitCode.OK)


def _concerned(sights: list[view.Sight], service: str | None, name: str) -> list[view.Sight]:
    """Those that define or read the variable, the one asked for first."""
    found = [
        sight
        for sight in sights
        if sight.environment.service == service
        or sight.reads
        or name in sight.environment.variables
        or any(issue.kind == "line-dropped" for issue in sight.issues)
    ]
    return sorted(found, key=lambda sight: sight.environment.service != service)


def _parts(reference: str) -> tuple[str | None, str]:
    """The service (None = all) and the variable of `web:NAME` or `NAME`."""
    service, colon, name = reference.rpartition(":")
    if not name or (colon and not service):
        raise UsageError(
            f"`{reference}` names no variable.", hint="write service:NAME, or NAME for all services"
        )
    return (service if colon else None), name


def _sight(environment: Environment, name: str, index: SourceIndex, files: Files) -> view.Sight:
    value = environment.get(name)
    reads = [read for read in index.reads if name == read.name or name in read.otherwise]
    issues = _issues(environment, name, value, files)
    return view.Sight(environment=environment, value=value, reads=_once(reads), issues=issues)


def _once(reads: list[SourceRead]) -> list[SourceRead]:
    """One read per line: `A || B` is a read of A and one of B in one place."""
    return list({(read.path, read.line): read for read in reversed(reads)}.values())[::-1]


def _issues(environment: Environment, name: str, value: Value | None, files: Files) -> list[LoadIssue]:
    """What concerns this variable: losses of whole files, and lines that name it."""
    places = set()
    if value is not None:
        origins = [value.origin, *(shadow.origin for shadow in value.shadows)]
        places = {(origin.path, origin.line) for origin in origins}
    return [
        issue
        for issue in environment.issues
        if issue.fatal
        or issue.line is None
        or (issue.path, issue.line) in places
        or name in issue.message
        or _is_about(issue, name, files)
    ]


def _is_about(issue: LoadIssue, name: str, files: Files) -> bool:
    """Whether the line that the program could not take was meant to define `name`."""
    lines = split((files.read(issue.path) or b"").decode("utf-8", "replace"))
    line = lines[issue.line - 1] if issue.line is not None and issue.line <= len(lines) else ""
    return re.match(rf"\s*(?:export\s+)?{re.escape(name)}\b", line) is not None
