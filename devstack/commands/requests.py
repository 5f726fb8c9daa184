"""`devstack restart`, `stop`, `start` and `wait`: asked of the running stack, then waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from devstack.commands.running import Place, seconds, write
from devstack.control.client import RUNNING, ControlClient
from devstack.errors import (
    ExitCode,
    NotRunningError,
    ServiceFailedError,
    TimedOutError,
    UsageError,
    unknown_service,
)
from devstack.records import dataclass
from devstack.run.state import ENDED, Phase
from devstack.views.services import ended_words, why
from devstack.views.wording import duration, phase_words

Action = Literal["restart", "stop", "start"]
APPEARANCE = 2.0
"""Seconds that `wait` gives a run that is only just beginning."""
CONDITIONS = ("ready", "started", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which services an action is asked; `yes` consents to what a changed stack.toml needs."""

    services: tuple[str, ...]
    everything: bool = False
    yes: bool = False


def request(
    place: Place,
    action: Action,
    services: tuple[str, ...],
    *,
    everything: bool,
    timeout: str | None,
    yes: bool = False,
) -> int:
    """Ask for `action` and wait until it is done: stopped, or ready again. Raises when a service fails.

    A restart of everything goes over to a changed stack.toml; `yes` consents to what that needs.
    """
    if not services and not everything:
        raise UsageError(f"which service? devstack {action} SERVICE…, or --all")
    patience = seconds("--timeout", timeout)
    asked = Asked(services=services, everything=everything, yes=yes)
    for line in carry_out(place.client(), action, asked, patience):
        write(line)
    return int(ExitCode.OK)


def carry_out(
    client: ControlClient, action: Action, asked: Asked, patience: float | None = None
) -> Iterator[str]:
    """Ask for `action`, and tell of each service when it is done with. Raises when one fails.

    `patience`: seconds for all of it.
    """
    began = time.monotonic()
    answer = client.post(action, asked.services, everything=asked.everything, yes=asked.yes)
    before = {
        name: {"name": name, "since": 0.0, "generation": 0, "phase": "pending"} for name in answer["asked"]
    }
    before |= {one["name"]: one for one in answer["services"]}
    for name in answer["asked"]:
        left = None if patience is None else max(0.0, patience - (time.monotonic() - began))
        outcome, now = _wait(client, action, before[name], left)
        _conclude(name, outcome, now, patience)
        yield _done(action, before[name], now, time.monotonic() - began)
    for name in answer.get("kept", ()):
        yield f"{name} runs on: nothing changed for it"
    for name in answer.get("later", ()):
        yield f"devstack.{name} counts from the next `devstack up` on"
    for name in answer.get("removed", ()):
        yield f"{name} is gone: stack.toml does not declare it any more"


def wait(place: Place, target: str, *, timeout: str | None) -> int:
    """Wait until `SERVICE[:ready|started|stopped]` holds."""
    service, _, condition = target.partition(":")
    condition = condition or "ready"
    if condition not in CONDITIONS:
        raise UsageError(f"{target}: no condition `{condition}`; there are {', '.join(CONDITIONS)}")
    patience = seconds("--timeout", timeout)
    began = time.monotonic()
    client = place.client()
    _appear(client, service, APPEARANCE if patience is None else min(patience, APPEARANCE))
    left = None if patience is None else max(0.0, patience - (time.monotonic() - began))
    outcome, now = client.wait(service, condition, timeout=left)
    _conclude(service, outcome, now, patience)
    write(f"{service} is {phase_words(Phase(now['phase']))}")
    return int(ExitCode.OK)


def _appear(client: ControlClient, service: str, patience: float) -> None:
    """A script may call `wait` right after `up`: give the run a moment to be there, with its services."""
    until = time.monotonic() + patience
    while True:
        try:
            known = [one["name"] for one in client.state()["services"]]
        except NotRunningError:
            if time.monotonic() >= until:
                raise
        else:
            if service in known:
                return
            if time.monotonic() >= until or known:
                raise unknown_service(service, known, RUNNING)
        time.sleep(0.05)


def _wait(
    client: ControlClient, action: Action, before: Mapping[str, Any], timeout: float | None
) -> tuple[str, Mapping[str, Any]]:
    if action == "stop":
        return client.wait(before["name"], "stopped", timeout=timeout, before=before, anew=True)
    anew = action == "restart"
    return client.wait(before["name"], "ready", timeout=timeout, before=before, anew=anew)


def _conclude(name: str, outcome: str, now: Mapping[str, Any], patience: float | None) -> None:
    if outcome == "failed":
        raise ServiceFailedError(
            ended_words(now, time.time()), hint=f"`devstack logs {name}` shows what it wrote."
        )
    if outcome == "timeout":
        state, reason = phase_words(Phase(now["phase"])), why(now, time.time())
        detail = f"{state}: {reason}" if reason else state
        raise TimedOutError(f"{name} is still {detail} after {duration(patience or 0)}")


def _done(action: Action, before: Mapping[str, Any], now: Mapping[str, Any], took: float) -> str:
    state = phase_words(Phase(now["phase"]))
    if action == "stop" and Phase(now["phase"]) not in ENDED:
        return f"{now['name']} was stopped, then another request started it again: it is {state}"
    if action != "restart" and before["phase"] == now["phase"]:
        return f"{now['name']} was already {state}"
    return f"{now['name']} is {state} after {duration(took)}"
