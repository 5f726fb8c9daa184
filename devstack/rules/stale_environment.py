"""A running process works with another value than its files give now.

## Why it matters
A process reads its environment once, at start. After an edit of `.env` the old value keeps working until somebody
restarts the service: tokens are refused, the browser shows 1006, and every file looks right.

Compared are the variables that a process was started with; where a program reads its files by itself, a file that
is younger than the process is a warning. Next and Vite reload by themselves and are judged by the first only.

## Example
```
ws   pid 4242, started 13:40 with JWT_SECRET hmac:1f3a9c02; ws/.env now gives hmac:77ab0c11
```

## Mending
Restart the service: `devstack restart ws`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.env.secrets import is_secret_name
from devstack.host.model import Holder, HolderClass
from devstack.rules import evidence
from devstack.rules.base import Finding, Needs, Rule, Severity
from devstack.rules.wording import listed, named
from devstack.stack import defaults
from devstack.stack.model import OnChange

if TYPE_CHECKING:
    from devstack.env.model import Environment
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_TOLERANCE = 2.0  # seconds between a start and a file time that prove nothing


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per running service."""
    inspection.need_stack()
    for service in inspection.services:
        environment = inspection.environment(service.name)
        if environment is None or service.port is None or inspection.launch(service.name) is None:
            continue
        status = inspection.port_status.get(service.port)
        holder = (
            next((each for each in status.holders if _is_own(each)), None) if status is not None else None
        )
        if holder is None or holder.pid is None:
            continue
        frozen = _differing(inspection, service, environment, holder.pid)
        if frozen:
            yield _changed(inspection, service, environment, holder, frozen)
        else:
            yield from _younger_file(inspection, service, environment, holder)


def _is_own(holder: Holder) -> bool:
    return holder.holder_class in (HolderClass.OURS, HolderClass.SAME_REPO)


def _differing(
    inspection: Inspection, service: Service, environment: Environment, pid: int
) -> Mapping[str, str]:
    """Variables of the files with which the process was started, where the text is another one now."""
    if any(call.override for call in inspection.sources(service.name).dotenv_calls):
        return {}
    own = {defaults.port_env(service)}
    wanted = {
        name: value.text
        for name, value in environment.variables.items()
        if value.text is not None
        and value.origin.layer in (LayerKind.FILE, LayerKind.SET)
        and name not in own
    }
    started = inspection.host.started_with(pid, tuple(wanted))
    return {name: text for name, text in started.items() if text != wanted[name]}


def _changed(
    inspection: Inspection,
    service: Service,
    environment: Environment,
    holder: Holder,
    frozen: Mapping[str, str],
) -> Finding:
    parts = []
    for name, text in sorted(frozen.items()):
        secret = is_secret_name(name)
        now = environment.variables[name].text
        parts.append(
            f"`{name}` {evidence.shown(inspection, text, secret=secret, name=name)}, "
            f"now {evidence.shown(inspection, now, secret=secret, name=name)}"
        )
    was = listed(parts, 3, "; ")
    places = [
        inspection.at_origin(environment.variables[name].origin, name, note="what the files give now")
        for name in sorted(frozen)
    ]
    return RULE.finding(
        f"`{service.name}` (pid {holder.pid}, started {_clock(holder.started_at)}) works with other values than its "
        f"files give now: it was started with {was}. Tokens and addresses do not fit until it is "
        "restarted; the browser shows 1006.",
        *places,
        service=service.name,
        hint=f"`devstack restart {service.name}`",
    )


def _younger_file(
    inspection: Inspection, service: Service, environment: Environment, holder: Holder
) -> Iterator[Finding]:
    """Only a warning: the edit may have changed nothing that the program uses."""
    if defaults.on_change(service) is OnChange.AUTO or not holder.started_at:
        return
    declared = inspection.declared(service.name)
    for layer in environment.layers:
        changed = _changed_at(layer.path) if layer.exists else None
        if changed is None or changed <= holder.started_at + _TOLERANCE:
            continue
        names = sorted(
            name
            for name, value in environment.variables.items()
            if name in declared and value.origin.path == layer.path
        )
        if names:
            yield RULE.finding(
                f"{inspection.shown(layer.path)} was changed at {_clock(changed)}, after `{service.name}` "
                f"(pid {holder.pid}) was started at {_clock(holder.started_at)}: it may still work with the old "
                f"{named(names)}.",
                inspection.at(layer.path),
                severity=Severity.WARNING,
                service=service.name,
                hint=f"`devstack restart {service.name}`",
            )
            return


def _changed_at(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment).strftime("%H:%M:%S")


RULE = Rule(
    id="DS601",
    name="stale-environment",
    severity=Severity.ERROR,
    needs=Needs.HOST,
    page=__doc__ or "",
    check=check,
)
