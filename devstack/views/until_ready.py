"""The view of a run in the background: only its start is shown."""

from __future__ import annotations

from devstack.host.background import Announcer
from devstack.run import events
from devstack.run.state import RunState
from devstack.views.feed import View


class UntilReady:
    """A view that shows the start and then says that the starter may go."""

    def __init__(self, view: View, announcer: Announcer) -> None:
        self._view = view
        self._announcer: Announcer | None = announcer

    def show(self, envelope: events.Envelope, state: RunState) -> None:
        """Pass it on until everything is ready."""
        if self._announcer is None:
            return
        self._view.show(envelope, state)
        if isinstance(envelope.event, events.RunReady):
            self._announcer.ready()
            self._announcer = None

    def tick(self, state: RunState) -> float | None:
        """As the view wants it, until everything is ready."""
        return self._view.tick(state) if self._announcer is not None else None
