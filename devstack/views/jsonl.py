"""`devstack up --json`: one event a line."""

from __future__ import annotations

import json
from collections.abc import Callable

from devstack.run import events
from devstack.run.events import Envelope
from devstack.run.public import as_json
from devstack.run.state import RunState
from devstack.views.timing import TimingHistory


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
