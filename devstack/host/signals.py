"""Signals of the terminal and the system become calls in the event loop; nothing is done inside a handler."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

STOPS = {"INT": ("Ctrl-C", 130), "TERM": ("SIGTERM", 143), "HUP": ("the terminal was closed", 143)}
"""Signal → (why the run ends, exit code)."""
SAME_REQUEST = 0.25
"""Seconds. A terminal signals all of its group, and npm, make or `timeout` pass the signal on: it comes twice. No
person presses again so soon."""


class Loop(Protocol):
    """The methods of an asyncio loop that are needed."""

    def call_soon(self, callback: Callable[..., object], *args: object) -> object: ...  # noqa: D102

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None: ...  # noqa: D102

    def remove_signal_handler(self, sig: int) -> bool: ...  # noqa: D102


class Held:
    """Signals that ask for the end are kept from now on, until `listen` hears them or they are let go."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._came: list[tuple[int, float]] = []
        self._before = {
            number: signal.signal(number, lambda number, frame: self._came.append((number, clock())))
            for number in (getattr(signal, f"SIG{name}", None) for name in STOPS)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN
        }

    def taken(self) -> list[tuple[int, float]]:
        """What came so far and when (seconds of the clock), once."""
        came, self._came = self._came, []
        return came

    def let_go(self) -> None:
        """Keep nothing any more; what nobody took does now what it would have done."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number, _ in self.taken():
            signal.raise_signal(number)


def listen(
    loop: Loop,
    *,
    stop: Callable[[str, int], None],
    child: Callable[[], None],
    resized: Callable[[], None],
    held: Held | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[], None]:
    """Route signals: `stop(reason, exit_code)`, `child()` when one ended, `resized()`. Returns the undo.

    `held`: what came before now is heard once the loop turns.
    """
    requests = _Requests(stop, clock)
    wanted: dict[str, Callable[[], None]] = {name: partial(requests.heard, name) for name in STOPS}
    wanted |= {"CHLD": child, "WINCH": resized}
    numbers = [
        (signal.Signals[f"SIG{name}"], call) for name, call in wanted.items() if hasattr(signal, f"SIG{name}")
    ]
    for number, call in numbers:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, call)
    for early, at in () if held is None else held.taken():
        loop.call_soon(requests.heard, signal.Signals(early).name.removeprefix("SIG"), at)
    _ignore_suspension()

    def undo() -> None:
        for number, _ in numbers:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)

    return undo


class _Requests:
    """Passes on who asks for the end; what comes within `SAME_REQUEST` of the first is the same request."""

    def __init__(self, stop: Callable[[str, int], None], clock: Callable[[], float]) -> None:
        self._stop = stop
        self._clock = clock
        self._first: float | None = None

    def heard(self, name: str, at: float | None = None) -> None:
        at = self._clock() if at is None else at
        if self._first is None:
            self._first = at
        elif at - self._first < SAME_REQUEST:
            return
        self._stop(*STOPS[name])


def _ignore_suspension() -> None:
    """Stopping us alone would leave the services running unattended behind a frozen screen."""
    if hasattr(signal, "SIGTSTP") and os.isatty(0):
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)


class Terminal:
    """Remembers the settings of our terminal and puts them back, whatever a service did to it."""

    def __init__(self) -> None:
        self._saved: list[object] | None = None
        with suppress(Exception):
            import termios

            self._saved = list(termios.tcgetattr(0)) if os.isatty(0) else None

    def restore(self) -> None:
        """Settings as they were, cursor shown, main screen."""
        if self._saved is not None:
            with suppress(Exception):
                import termios

                termios.tcsetattr(0, termios.TCSANOW, self._saved)  # type: ignore[arg-type]
        if sys.__stdout__ is not None and sys.__stdout__.isatty():
            with suppress(OSError):
                os.write(sys.__stdout__.fileno(), b"\x1b[?25h\x1b[0m")
