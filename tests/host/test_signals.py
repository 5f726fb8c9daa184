"""Which signals ask for the end, and when two of them are one request."""

from __future__ import annotations

import signal
from collections.abc import Callable

from devstack.host import signals

SOON, LATER = signals.SAME_REQUEST / 2, signals.SAME_REQUEST * 2


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Loop:
    """Takes handlers as asyncio's does; `turn` does what was put off."""

    def __init__(self) -> None:
        self.handlers: dict[int, Callable[[], object]] = {}
        self.later: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        self.later.append((callback, args))

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None:
        self.handlers[sig] = callback

    def remove_signal_handler(self, sig: int) -> bool:
        return self.handlers.pop(sig, None) is not None

    def turn(self) -> None:
        for callback, args in self.later:
            callback(*args)
        self.later.clear()


class Heard:
    """Signals that are routed to a list, with a clock that stands still."""

    def __init__(self, held: signals.Held | None = None, clock: Clock | None = None) -> None:
        self.loop, self.clock = Loop(), clock or Clock()
        self.stops: list[tuple[str, int]] = []
        self.undo = signals.listen(
            self.loop,
            stop=lambda reason, code: self.stops.append((reason, code)),
            child=lambda: None,
            resized=lambda: None,
            held=held,
            clock=self.clock,
        )

    def comes(self, number: int, after: float = 0.0) -> None:
        self.clock.now += after
        self.loop.handlers[number]()


def test_a_signal_that_a_wrapper_passes_on_as_well_is_one_request() -> None:
    heard = Heard()
    heard.comes(signal.SIGINT)
    heard.comes(signal.SIGINT, after=SOON)
    assert heard.stops == [("Ctrl-C", 130)]


def test_another_signal_at_the_same_moment_is_the_same_request() -> None:
    heard = Heard()
    heard.comes(signal.SIGHUP)
    heard.comes(signal.SIGTERM, after=SOON)
    assert heard.stops == [("the terminal was closed", 143)]


def test_who_presses_again_is_heard_and_so_is_whoever_comes_soon_after_that() -> None:
    heard = Heard()
    heard.comes(signal.SIGINT)
    heard.comes(signal.SIGINT, after=LATER)
    heard.comes(signal.SIGTERM, after=SOON)
    assert heard.stops == [("Ctrl-C", 130), ("Ctrl-C", 130), ("SIGTERM", 143)]


def test_signals_that_came_before_anybody_listened_count_from_when_they_came() -> None:
    clock = Clock()
    held = signals.Held(clock)
    try:
        for after in (0.0, SOON, LATER):
            clock.now += after
            signal.raise_signal(signal.SIGTERM)
        clock.now += LATER
        heard = Heard(held, clock)
        assert heard.stops == []
        heard.loop.turn()
        assert heard.stops == [("SIGTERM", 143)] * 2
    finally:
        held.let_go()
