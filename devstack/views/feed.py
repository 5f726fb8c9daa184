"""Brings the hub's events to a view on the view's own thread, so that a slow stream stalls nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from devstack.run.events import Envelope, RunFinished
from devstack.run.hub import LIMIT, Hub
from devstack.run.state import RunState

PACE_STEP = 0.001
CLOSING_LIMIT = 10.0
"""Seconds that a slow reader has at most for the end of a run."""
PATIENCE = 1.0
"""Seconds without progress that it has when somebody asked for the end of the run, and waits for it."""
STALLED_AFTER = 0.25
"""A reader that took nothing for so long is not waited for."""
ALLOWANCE = 5.0
REGAINED = 0.1
"""Seconds of the allowance that come back with each second."""


class View(Protocol):
    """A consumer of events; all methods are called on the feed's thread."""

    def show(self, envelope: Envelope, state: RunState) -> None:
        """Render one event; `state` is the run's newest state."""
        ...

    def tick(self, state: RunState) -> float | None:
        """Render what is due by time; seconds until it wants to be called again, or None."""
        ...


class Feed:
    """The thread of one view. It ends by itself after `run.finished`."""

    def __init__(
        self,
        hub: Hub,
        view: View,
        name: str,
        *,
        limit: int = LIMIT,
        is_patient: bool = True,
        allowance: float = ALLOWANCE,
        failed: Callable[[Exception], object] | None = None,
    ) -> None:
        """`is_patient`: the view's reader is a program or a file, which should lose nothing.

        `allowance`: seconds for which such a reader may hold services up when it is slow all the time. `failed`: is
        told what the view raised over one event; the next one is shown all the same.
        """
        self._hub = hub
        self._view = view
        self._limit = limit
        self._is_patient = is_patient
        self._news = threading.Event()
        self._shown = 0
        self._stalled_at = -1
        self._most = self._allowance = allowance
        self._paced_at = time.monotonic()
        self._is_closing = False
        self._failed = failed
        _, self._subscription = hub.subscribe(self._news.set, limit)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def pace(self) -> None:
        """Called by the output thread: let a reader that makes progress catch up and lose nothing."""
        if not self._is_patient or self._subscription.backlog < self._limit // 2:
            return
        if self._shown == self._stalled_at:
            return
        shown, since = self._shown, time.monotonic()
        self._allowance = min(self._most, self._allowance + (since - self._paced_at) * REGAINED)
        until = since + self._allowance
        now = since
        while self._subscription.backlog >= self._limit // 2 and now < until and not self._is_hurried():
            time.sleep(PACE_STEP)
            now = time.monotonic()
            if self._shown != shown:
                shown, since = self._shown, now
            elif now - since > STALLED_AFTER:
                self._stalled_at = shown
                break
        self._allowance, self._paced_at = until - now, now

    def _is_hurried(self) -> bool:
        """Somebody waits for the end, and only what was written is left; the newest of it is shown in any case."""
        state = self._hub.state
        return state.forced or (state.asked and state.finished)

    def close(self, patience: float = CLOSING_LIMIT) -> bool:
        """Show what waits, then end; whether everything was shown.

        A reader that takes nothing for `patience` seconds is given up.
        """
        self._is_closing = True
        self._news.set()
        until = time.monotonic() + CLOSING_LIMIT
        shown = -1
        while self._thread.is_alive() and shown != self._shown and time.monotonic() < until:
            shown = self._shown
            self._thread.join(patience)
        self._subscription.close()
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            waiting = self._subscription.take()
            for envelope in waiting:
                self._show(envelope)
                self._shown += 1
            if waiting and isinstance(waiting[-1].event, RunFinished):
                return
            if not waiting:
                if self._is_closing:
                    return
                self._news.wait(self._until_due())
                self._news.clear()

    def _show(self, envelope: Envelope) -> None:
        try:
            self._view.show(envelope, self._hub.state)
        except Exception as problem:
            self._survive(problem)

    def _until_due(self) -> float | None:
        try:
            return self._view.tick(self._hub.state)
        except Exception as problem:
            self._survive(problem)
            return None

    def _survive(self, problem: Exception) -> None:
        if self._failed is None:
            raise problem
        self._failed(problem)
