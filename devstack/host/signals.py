"""Signals of the terminal and the system become calls in the event loop; nothing is done inside a handler."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

STOPS = {"INT": ("Ctrl-C", 130), "TERM": ("SIGTERM", 143), "HUP": ("the terminal was closed", 143)}
"""Signal → (why the run ends, exit code)."""
SAME_REQUEST = 0.25
"""Seconds. A terminal signals all of its group, and npm, make or `timeout` pass the signal on: it comes twice. No
person presses again so soon."""


class Loop(Protocol):
    """The methods of an asyncio loop that are needed."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> object: ...  # noqa: D102

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None: ...  # noqa: D102

    def remove_signal_handler(self, sig: int) -> bool: ...  # noqa: D102


class Held:
    """Signals that ask for the end come here from now on, until they are let go; kept until somebody hears them.

    At no moment between the first service and the last word does one of them do what it does to other programs.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._came: list[tuple[int, float]] = []
        self._hear: Callable[[int, float], object] | None = None
        numbers = [getattr(signal, f"SIG{name}") for name in STOPS if hasattr(signal, f"SIG{name}")]
        self._before = {
            number: signal.signal(number, self._take) for number in numbers if not _is_unwanted(number)
        }

    def _take(self, number: int, frame: object) -> None:
        if self._hear is None:
            self._came.append((number, self._clock()))
        else:
            self._hear(number, self._clock())

    def hand_to(self, hear: Callable[[int, float], object]) -> None:
        """`hear` is called (inside the handler) with each one and when it came, also those that came so far."""
        self._hear = hear
        for number, at in self._taken():
            hear(number, at)

    def let_go(self) -> None:
        """Keep nothing any more; what nobody heard does now what it would have done."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number, _ in self._taken():
            signal.raise_signal(number)

    def _taken(self) -> list[tuple[int, float]]:
        came, self._came = self._came, []
        return came


def _is_unwanted(number: int) -> bool:
    """Whether somebody wants it ignored: `nohup`. A shell's background job only happens to ignore Ctrl-C."""
    return number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) is signal.SIG_IGN


def listen(
    loop: Loop,
    *,
    stop: Callable[[str, int], None],
    child: Callable[[], None],
    resized: Callable[[], None],
    held: Held,
) -> Callable[[], None]:
    """Route signals: `stop(reason, exit_code)`, `child()` when one ended, `resized()`. Returns the undo.

    After it a request to end does what it does to other programs, unless it only repeats one.
    """
    requests = _Requests(stop)
    wanted = {"CHLD": child, "WINCH": resized}
    numbers = [
        (signal.Signals[f"SIG{name}"], call) for name, call in wanted.items() if hasattr(signal, f"SIG{name}")
    ]
    for number, call in numbers:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, call)
    held.hand_to(lambda number, at: loop.call_soon_threadsafe(requests.heard, number, at))
    _ignore_suspension()

    def undo() -> None:
        held.hand_to(requests.came_late)
        for number, _ in numbers:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)

    return undo


class _Requests:
    """Passes on who asks for the end; what comes within `SAME_REQUEST` of the first is the same request."""

    def __init__(self, stop: Callable[[str, int], None]) -> None:
        self._stop = stop
        self._first: float | None = None

    def heard(self, number: int, at: float) -> None:
        if self._first is None:
            self._first = at
        elif self._is_same(at):
            return
        self._stop(*STOPS[signal.Signals(number).name.removeprefix("SIG")])

    def came_late(self, number: int, at: float) -> None:
        if not self._is_same(at):
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
            signal.raise_signal(number)

    def _is_same(self, at: float) -> bool:
        return self._first is not None and at - self._first < SAME_REQUEST


def _ignore_suspension() -> None:
    """Stopping us alone would leave the services running unattended behind a frozen screen."""
    if hasattr(signal, "SIGTSTP") and os.isatty(0):
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)


class Terminal:
    """Remembers the settings of our terminal and puts them back, whatever a service did to it."""

    def __init__(self) -> None:
        self._saved: list[object] | None = None
        if not os.isatty(0):
            return
        with suppress(Exception):
            import termios

            self._saved = list(termios.tcgetattr(0))

    def restore(self) -> None:
        """Settings as they were, cursor shown, main screen."""
        if self._saved is not None:
            with suppress(Exception):
                import termios

                termios.tcsetattr(0, termios.TCSANOW, self._saved)  # type: ignore[arg-type]
        if sys.__stdout__ is not None and sys.__stdout__.isatty():
            with suppress(OSError):
                os.write(sys.__stdout__.fileno(), b"\x1b[?25h\x1b[0m")
