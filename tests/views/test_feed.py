from __future__ import annotations

import threading
import time

import pytest

from devstack.run.events import Envelope, OutputBlock, OutputLost, RunFinished, ServiceReady
from devstack.run.hub import Hub
from devstack.run.state import RunState
from devstack.views.feed import Feed
from tests.conftest import PATIENCE


class Gated:
    """Shows an event only while `gate` is open; remembers what it showed."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.gate = threading.Event()
        self.shown: list[Envelope] = []
        self.ticks = 0
        self.ticked = threading.Event()
        if is_open:
            self.gate.set()

    def show(self, envelope: Envelope, state: RunState) -> None:
        self.gate.wait(PATIENCE)
        self.shown.append(envelope)

    def tick(self, state: RunState) -> float | None:
        self.ticks += 1
        self.ticked.set()
        return None


def block(data: bytes) -> OutputBlock:
    return OutputBlock(service="web", generation=1, data=data)


def test_close_shows_everything_first() -> None:
    hub, view = Hub(time.time), Gated()
    feed = Feed(hub, view, "test")
    for number in range(100):
        hub.publish(block(b"%d\n" % number))
    feed.close(10)
    assert [one.seq for one in view.shown] == list(range(1, 101))


def test_a_view_that_hangs_is_given_up_at_the_end() -> None:
    hub, view = Hub(time.time), Gated(is_open=False)
    feed = Feed(hub, view, "test")
    hub.publish(block(b"x\n"))
    assert not feed.close(0.1)
    assert view.shown == []
    view.gate.set()


@pytest.mark.parametrize("ends", [{"forced": True}, {"asked": True, "finished": True}])
def test_who_waits_for_the_end_waits_for_no_slow_reader(
    ends: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, view = Hub(time.time), Gated(is_open=False)
    feed = Feed(hub, view, "test", limit=1000)
    hub.publish(block(b"x" * 900 + b"\n"))
    hub.publish(block(b"x" * 900 + b"\n"))
    hub.state = RunState(**ends)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr("devstack.views.feed.PACE_STEP", "no number, so that sleeping would fail")
        feed.pace()
    view.gate.set()
    assert feed.close(10)


def test_an_event_that_cannot_be_shown_costs_no_other_one() -> None:
    class Broken(Gated):
        def show(self, envelope: Envelope, state: RunState) -> None:
            if envelope.seq == 2:
                raise KeyError("a bug")
            super().show(envelope, state)

        def tick(self, state: RunState) -> float | None:
            super().tick(state)
            raise IndexError("another one")

    hub, view = Hub(time.time), Broken()
    failed: list[type[Exception]] = []
    feed = Feed(hub, view, "test", failed=lambda problem: failed.append(type(problem)))
    assert view.ticked.wait(PATIENCE)
    for number in range(3):
        hub.publish(block(b"%d\n" % number))
    feed.close(10)
    assert [one.seq for one in view.shown] == [1, 3]
    assert set(failed) == {IndexError, KeyError}


def test_the_feed_ends_after_the_run_finished() -> None:
    hub, view = Hub(time.time), Gated()
    feed = Feed(hub, view, "test")
    hub.publish(RunFinished())
    feed.close(10)
    assert isinstance(view.shown[-1].event, RunFinished)


def test_a_reader_that_makes_progress_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devstack.views.feed.STALLED_AFTER", 100.0)  # however busy the machine is
    hub, view = Hub(time.time), Gated()
    feed = Feed(hub, view, "test", limit=10_000, allowance=100.0)
    for number in range(2000):
        hub.publish(block(b"%04d" % number + b"x" * 995 + b"\n"))
        feed.pace()
    feed.close(10)
    assert not [one for one in view.shown if isinstance(one.event, OutputLost)]
    assert len(view.shown) == 2000


def test_a_reader_that_stands_still_is_not_waited_for() -> None:
    hub, view = Hub(time.time), Gated(is_open=False)
    feed = Feed(hub, view, "test", limit=10_000)
    for _ in range(500):
        hub.publish(block(b"x" * 999 + b"\n"))
        feed.pace()  # waits once for a moment, then never again: the test would take minutes
    hub.publish(ServiceReady(service="web"))
    view.gate.set()
    feed.close(10)
    lost = [one.event for one in view.shown if isinstance(one.event, OutputLost)]
    kept = [one for one in view.shown if isinstance(one.event, OutputBlock)]
    assert sum(event.lines for event in lost) + len(kept) == 500
    assert isinstance(view.shown[-1].event, ServiceReady)


def test_a_reader_that_is_slow_all_the_time_holds_services_up_for_a_while_only() -> None:
    class Slow(Gated):
        def show(self, envelope: Envelope, state: RunState) -> None:
            self.ticked.wait(0.01)  # never set here: the reader goes on, but slowly
            super().show(envelope, state)

    hub, view = Hub(time.time), Slow()
    feed = Feed(hub, view, "test", limit=10_000, allowance=0.05)
    for _ in range(500):
        hub.publish(block(b"x" * 999 + b"\n"))
        feed.pace()
    assert feed.close()
    assert any(isinstance(one.event, OutputLost) for one in view.shown)


def test_a_terminal_is_never_waited_for() -> None:
    hub, view = Hub(time.time), Gated(is_open=False)
    feed = Feed(hub, view, "test", limit=1000, is_patient=False)
    for _ in range(10):
        hub.publish(block(b"x" * 999 + b"\n"))
        feed.pace()
    view.gate.set()
    feed.close(10)
    assert any(isinstance(one.event, OutputLost) for one in view.shown)


def test_the_thread_sleeps_when_nothing_is_due() -> None:
    hub, view = Hub(time.time), Gated()
    feed = Feed(hub, view, "test")
    assert view.ticked.wait(PATIENCE)
    time.sleep(0.3)
    assert view.ticks == 1
    feed.close(10)
