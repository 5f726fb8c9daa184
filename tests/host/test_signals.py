"""Which signals ask for the end, and when two of them are one request."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from devstack.host import signals

SOON, LATER = signals.SAME_REQUEST / 2, signals.SAME_REQUEST * 2


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Loop:
    """Takes calls as asyncio's does; `turn` does what was put off."""

    def __init__(self) -> None:
        self.later: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        self.later.append((callback, args))

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None:
        pass

    def remove_signal_handler(self, sig: int) -> bool:
        return True

    def turn(self) -> None:
        for callback, args in self.later:
            callback(*args)
        self.later.clear()


class Heard:
    """Real signals to this process, with a clock that stands still; `stops` are the requests they made."""

    def __init__(self) -> None:
        self.loop, self.clock = Loop(), Clock()
        self.held = signals.Held(self.clock)
        self.stops: list[tuple[str, int]] = []

    def listen(self) -> Callable[[], None]:
        return signals.listen(
            self.loop,
            stop=lambda reason, code: self.stops.append((reason, code)),
            child=lambda: None,
            resized=lambda: None,
            held=self.held,
        )

    def comes(self, number: int, after: float = 0.0) -> None:
        self.clock.now += after
        signal.raise_signal(number)
        self.loop.turn()


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Holds signals as a run does; afterwards they are as they were."""
    made = Heard()
    yield made
    made.held.hand_to(lambda number, at: None)
    made.held.let_go()


def test_a_signal_that_a_wrapper_passes_on_as_well_is_one_request(heard: Heard) -> None:
    heard.listen()
    heard.comes(signal.SIGINT)
    heard.comes(signal.SIGINT, after=SOON)
    assert heard.stops == [("Ctrl-C", 130)]


def test_another_signal_at_the_same_moment_is_the_same_request(heard: Heard) -> None:
    heard.listen()
    heard.comes(signal.SIGHUP)
    heard.comes(signal.SIGTERM, after=SOON)
    assert heard.stops == [("the terminal was closed", 143)]


def test_who_presses_again_is_heard_and_so_is_whoever_comes_soon_after_that(heard: Heard) -> None:
    heard.listen()
    heard.comes(signal.SIGINT)
    heard.comes(signal.SIGINT, after=LATER)
    heard.comes(signal.SIGTERM, after=SOON)
    assert heard.stops == [("Ctrl-C", 130), ("Ctrl-C", 130), ("SIGTERM", 143)]


def test_signals_that_came_before_anybody_listened_count_from_when_they_came(heard: Heard) -> None:
    for after in (0.0, SOON, LATER):
        heard.comes(signal.SIGTERM, after=after)
    heard.clock.now += LATER
    heard.listen()
    assert heard.stops == []
    heard.loop.turn()
    assert heard.stops == [("SIGTERM", 143)] * 2


def test_a_signal_that_comes_once_more_when_the_run_is_over_does_not_cut_its_last_words(heard: Heard) -> None:
    stop_listening = heard.listen()
    heard.comes(signal.SIGTERM)
    stop_listening()
    heard.comes(signal.SIGTERM, after=SOON)
    heard.comes(signal.SIGINT, after=0.0)
    assert heard.stops == [("SIGTERM", 143)]


def test_who_presses_again_when_the_run_is_over_waits_no_longer(heard: Heard) -> None:
    stop_listening = heard.listen()
    heard.comes(signal.SIGINT)
    stop_listening()
    with pytest.raises(KeyboardInterrupt):
        heard.comes(signal.SIGINT, after=LATER)


def test_what_nohup_ignores_stays_ignored(heard: Heard) -> None:
    heard.held.let_go()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        heard.held = signals.Held(heard.clock)
        heard.listen()
        heard.comes(signal.SIGHUP)
        assert heard.stops == []
        heard.held.let_go()
    finally:
        signal.signal(signal.SIGHUP, before)
