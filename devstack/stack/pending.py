"""What may be declared and is not acted on yet; `up` says so instead of silently doing nothing."""

from __future__ import annotations

from devstack.errors import Problem
from devstack.stack.model import ServiceType, Stack


def not_acted_on(stack: Stack) -> tuple[Problem, ...]:
    """One note per declaration, with its place; empty when everything declared is acted on."""
    notes = []
    for service in stack.services.values():
        if service.type is ServiceType.COMPOSE and service.compose is not None:
            target = service.compose
            notes.append(
                _note(
                    stack,
                    f"services.{service.name}.compose",
                    "containers are not started yet",
                    f"start it yourself: docker compose -f {target.path} up -d {target.service}",
                )
            )
    return tuple(notes)


def _note(stack: Stack, key: str, message: str, suggestion: str) -> Problem:
    spot = stack.spot(key)
    return Problem(path=spot.path, line=spot.line, key=key, message=message, suggestion=suggestion)
