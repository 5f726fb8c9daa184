"""Where everything that happens passes through: facts go in to the fold, events go out to the views.

`publish` may be called from the runner and from the output thread; it never waits for anybody. Each
subscriber has its own queue; when more than `limit` bytes of output wait in it, its oldest output blocks are
dropped and an `OutputLost` says how many at that place. Other events are never dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

from devstack.records import replace
from devstack.run.events import Envelope, Event, OutputBlock, OutputLost
from devstack.run.facts import Fact
from devstack.run.state import RunState

LIMIT = 4 * 1024 * 1024
"""Bytes of output that may wait for one view."""


class Subscription:
    """One view's queue. `wake` is called (on the publisher's thread) when the queue stops being empty."""

    def __init__(self, hub: Hub, wake: Callable[[], None], limit: int) -> None:
        self._hub = hub
        self._wake = wake
        self._limit = limit
        self._waiting: deque[Envelope] = deque()
        self._bytes = 0
        self._lock = Lock()

    @property
    def backlog(self) -> int:
        """Bytes of output that wait."""
        return self._bytes

    def take(self) -> list[Envelope]:
        """Everything that waits, in order; empties the queue."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
        return taken

    def close(self) -> None:
        """Get nothing more."""
        self._hub.unsubscribe(self)

    def put(self, envelope: Envelope) -> None:
        """Called by the hub only."""
        with self._lock:
            was_empty = not self._waiting
            self._waiting.append(envelope)
            if isinstance(envelope.event, OutputBlock):
                self._bytes += len(envelope.event.data)
                if self._bytes > self._limit:
                    self._drop()
        if was_empty:
            self._wake()

    def _drop(self) -> None:
        """Replace the older half of the waiting output by one note per service, where it began."""
        kept: deque[Envelope] = deque()
        notes: dict[str, tuple[int, OutputLost]] = {}
        for envelope in self._waiting:
            event = envelope.event
            if self._bytes > self._limit // 2 and isinstance(event, OutputBlock):
                self._bytes -= len(event.data)
                lines = event.data.count(b"\n")
                event = OutputLost(service=event.service, blocks=1, lines=lines, bytes=len(event.data))
            if not isinstance(event, OutputLost):
                kept.append(envelope)
                continue
            place, note = notes.get(event.service, (len(kept), None))
            if note is None:
                kept.append(envelope)
            notes[event.service] = (place, event if note is None else _joined(note, event))
        for place, note in notes.values():
            kept[place] = Envelope(seq=kept[place].seq, at=kept[place].at, event=note)
        self._waiting = kept


def _joined(first: OutputLost, second: OutputLost) -> OutputLost:
    return replace(
        first,
        blocks=first.blocks + second.blocks,
        lines=first.lines + second.lines,
        bytes=first.bytes + second.bytes,
    )


class Hub:
    """Numbers and times events, keeps the run's state for snapshots, and passes facts on to the runner."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seq = 0
        self._lock = Lock()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._accept: Callable[[Fact], None] | None = None
        self.state = RunState()

    def subscribe(
        self, wake: Callable[[], None] = lambda: None, limit: int = LIMIT
    ) -> tuple[RunState, Subscription]:
        """The state now and every event from now on, with nothing between them lost or doubled."""
        subscription = Subscription(self, wake, limit)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
            return self.state, subscription

    @property
    def subscribers(self) -> int:
        """How many views listen now."""
        return len(self._subscriptions)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget `subscription`."""
        with self._lock:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    def publish(self, event: Event, state: RunState | None = None) -> None:
        """Pass `event` on to every subscriber; `state` becomes the snapshot in the same step."""
        with self._lock:
            if state is not None:
                self.state = state
            self._seq += 1
            envelope = Envelope(seq=self._seq, at=self._clock(), event=event)
            for subscription in self._subscriptions:
                subscription.put(envelope)

    def connect(self, accept: Callable[[Fact], None]) -> None:
        """The runner's way in: `accept` takes a fact from any thread and returns at once."""
        self._accept = accept

    def post(self, fact: Fact) -> None:
        """Tell the run a fact or a request (key press, signal, control request). Ignored before it begins."""
        if self._accept is not None:
            self._accept(fact)
