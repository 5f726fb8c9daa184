"""The public form of an event, for `devstack up --json` and the control socket.

The mapping is explicit, so that renaming a field of an event breaks no script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devstack.run import events
from devstack.run.events import Envelope, Event

VERSION = 1

_FIELDS: Mapping[type[Event], tuple[str, ...]] = {
    events.RunStarted: ("stack", "run", "services"),
    events.DoctorFinished: ("errors", "warnings", "skipped"),
    events.PortFreed: ("port", "service", "pid", "command"),
    events.SetupStarted: ("service", "generation", "command", "reason"),
    events.SetupFinished: ("service", "generation", "ok", "interrupted", "seconds", "reason"),
    events.ServiceStarting: ("service", "generation"),
    events.ServiceStarted: ("service", "generation", "pid", "port"),
    events.OutputLost: ("service", "generation", "blocks", "lines", "bytes"),
    events.ProbeFailed: ("service", "generation", "detail"),
    events.ServiceReady: ("service", "generation", "seconds", "detail", "note"),
    events.ServiceDegraded: ("service", "generation", "detail"),
    events.ServiceExited: ("service", "generation", "code", "signal", "expected", "cause", "tail"),
    events.ServiceRestarting: ("service", "generation", "reason", "delay", "attempt", "limit"),
    events.ServiceStopping: ("service", "generation", "reason", "signal", "grace"),
    events.ServiceStopped: ("service", "generation", "completed", "survivors"),
    events.ServiceFailed: ("service", "generation", "reason", "skipped", "optional"),
    events.EnvChanged: ("services", "variables", "files", "action", "detail"),
    events.RunReady: ("seconds",),
    events.RunStopping: ("reason", "forced"),
    events.RunFinished: ("code", "seconds"),
}


def as_json(envelope: Envelope) -> dict[str, Any]:
    """The public form of one event; `service.output` carries its block as text, several lines as a rule."""
    event = envelope.event
    body: dict[str, Any] = {
        "v": VERSION,
        "seq": envelope.seq,
        "t": round(envelope.at, 6),
        "event": event.name,
    }
    if isinstance(event, events.OutputBlock):
        text = event.data.decode("utf-8", "replace")
        return {**body, "service": event.service, "generation": event.generation, "text": text}
    for name in _FIELDS[type(event)]:
        value = getattr(event, name)
        body[name] = list(value) if isinstance(value, tuple) else value
    return body
