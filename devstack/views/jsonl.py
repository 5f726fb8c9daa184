"""`devstack up --json`: one event a line. The mapping is explicit: renaming a field breaks no script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from devstack.run import events
from devstack.run.events import Envelope, Event
from devstack.run.state import RunState
from devstack.views.timing import TimingHistory

VERSION = 1

_FIELDS: Mapping[type[Event], tuple[str, ...]] = {
    events.RunStarted: ("stack", "run", "services"),
    events.DoctorFinished: ("errors", "warnings", "skipped"),
    events.PortFreed: ("port", "service", "pid", "command"),
    events.SetupStarted: ("service", "generation", "command", "reason"),
    events.SetupFinished: ("service", "generation", "ok", "seconds", "reason"),
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


class JsonLines:
    """Writes each event as one line; a `View` of `views.feed`."""

    def __init__(self, write: Callable[[bytes], None], history: TimingHistory | None = None) -> None:
        self._write = write
        self._history = history

    def show(self, envelope: Envelope, state: RunState) -> None:
        """Write one event; `run.ready` carries what the time was spent on."""
        body = as_json(envelope)
        if isinstance(envelope.event, events.RunReady) and self._history is not None:
            timing = self._history.remember(state, envelope.event.seconds, envelope.at)
            body["chain"] = [
                {"service": link.service, "seconds": round(link.seconds, 3)} for link in timing.chain
            ]
        # ASCII only: some readers take U+2028 inside a string for the end of the line.
        self._write(json.dumps(body, separators=(",", ":")).encode() + b"\n")

    def tick(self, state: RunState) -> None:
        """Nothing is due by time."""
