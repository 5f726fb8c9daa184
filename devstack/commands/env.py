"""`devstack env`: what each program will see; what differs between two; why one variable is what it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.env.files import Files
from devstack.env.model import Environment
from devstack.env.resolve import resolve
from devstack.errors import ExitCode, unknown_service
from devstack.records import dataclass
from devstack.stack import load
from devstack.stack.model import Stack
from devstack.views import env as view
from devstack.views import env_diff
from devstack.views.style import detect


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        folder: where the search for stack.toml starts.
        services: empty = all.
        reveal: show texts of secrets; the person was asked.
    """

    folder: Path
    environment: Mapping[str, str]
    services: tuple[str, ...] = ()
    as_json: bool = False
    reveal: bool = False


def show(request: Request) -> int:
    """One table for each service, or the JSON contract."""
    stack = load.load(load.find(request.folder))
    check_services(stack, request.services)
    found = _environments(stack, request)
    shown = view.Disclosure(root=stack.root, reveal=request.reveal)
    if request.as_json:
        _write(view.as_json(found, shown))
    else:
        _write(view.tables(found.values(), shown, detect(sys.stdout, request.environment)))
    return int(ExitCode.OK)


def diff(request: Request) -> int:
    """Two services side by side; 0 whether they differ or not: most differences are right."""
    stack = load.load(load.find(request.folder))
    check_services(stack, request.services)
    first, second = (_environments(stack, request)[name] for name in request.services)
    names = dict.fromkeys((*first.variables, *second.variables))
    rows = [
        env_diff.Difference(name=name, first=first.variables.get(name), second=second.variables.get(name))
        for name in names
    ]
    shown = view.Disclosure(root=stack.root, reveal=request.reveal)
    if request.as_json:
        _write(env_diff.as_json(first, second, rows, shown))
    else:
        _write(env_diff.text(first, second, rows, shown, detect(sys.stdout, request.environment)))
    return int(ExitCode.OK)


def check_services(stack: Stack, names: tuple[str, ...]) -> None:
    """UsageError for the first name that is no service."""
    for name in names:
        if name not in stack.services:
            raise unknown_service(name, stack.services)


def _environments(stack: Stack, request: Request) -> dict[str, Environment]:
    files = Files(stack.root)
    wanted = request.services or None
    return resolve(stack, process=request.environment, files=files, services=wanted)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
