"""`devstack run SERVICE -- CMD`: a one-off command where the service runs, with what the service sees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from devstack.errors import ServiceFailedError, unknown_service
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for."""

    folder: Path
    environment: Mapping[str, str]
    service: str
    command: tuple[str, ...]


def run(request: Request) -> int:
    """The command's own exit code; 128 + signal when one ended it."""
    from devstack.env.child import child_environment
    from devstack.env.files import Files
    from devstack.env.resolve import resolve
    from devstack.host.foreground import MissingProgram, run_here
    from devstack.stack import load
    from devstack.stack.launch import launch

    stack = load.load(load.find(request.folder))
    service = stack.services.get(request.service)
    if service is None:
        raise unknown_service(request.service, stack.services)
    found = resolve(stack, process=request.environment, files=Files(stack.root), services=[service.name])
    environment = child_environment(
        stack, service, found[service.name], process=request.environment, launch=launch(stack, service)
    )
    try:
        return run_here(request.command, stack.root / service.dir, environment)
    except MissingProgram as problem:
        raise ServiceFailedError(
            str(problem), hint="the command is looked for on the service's PATH."
        ) from None
