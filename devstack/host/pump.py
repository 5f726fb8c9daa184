"""Reads the output of every service on one thread and hands it on as blocks of whole lines.

    pipe of a service → read(256 KiB) → cut at the last newline → Receiver.write(block)

No work is done per line. A line that stays unfinished is handed on after `PARTIAL_AFTER` (a prompt is seen),
or at once when it is longer than one read (a line of 50 MB never lies in memory). The thread sleeps while
nothing is written. Exit of a process is not end-of-file: whoever waits for the process calls `exited()`, and
everything written before that moment is handed on first, whoever else still holds the pipe.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

READ_SIZE = 256 * 1024
PIPE_SIZE = 1024 * 1024
PARTIAL_AFTER = 0.15
"""Seconds after which the beginning of an unfinished line is handed on."""
SMALL_ROUND = 16 * 1024
ROUND_GAP = 0.001
"""A service that writes line by line is read at most once a millisecond: a bounded share of a core."""


class Receiver(Protocol):
    """Takes one service's output; called on the pump's thread only, in order."""

    def write(self, block: bytes) -> None:
        """Whole lines, or the beginning or middle of one unfinished line."""
        ...

    def end(self) -> None:
        """Nothing more will come."""
        ...


def output_pipe() -> tuple[int, int]:
    """A pipe (reading end, writing end), as large as the system allows so that services rarely wait."""
    reading, writing = os.pipe()
    enlarge(reading)
    return reading, writing


def enlarge(handle: int) -> None:
    """Let a pipe hold more, so that its two ends take turns less often. Nothing happens to what is no pipe."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, PIPE_SIZE)


class Source:
    """One service's output while it is read."""

    def __init__(self, pump: Pump, handle: int, receiver: Receiver) -> None:
        self._pump = pump
        self.handle = handle
        self.receiver = receiver
        self.partial = bytearray()
        self.partial_since = 0.0
        self.closes_at: float | None = None
        self.is_open = True
        self.comes_in_pieces = os.isatty(handle)  # a terminal gives at most 4 KiB for each read

    def begin(self) -> None:
        """Start reading; to be called once, before anything else."""
        self._pump.tell(lambda: self._pump.register(self))

    def exited(self, caught_up: Callable[[], None]) -> None:
        """Call `caught_up` (on the pump's thread) once all that was written before now has been handed on."""
        self._pump.tell(lambda: self._pump.catch_up(self, caught_up))

    def close(self, linger: float = 0.0) -> None:
        """Stop reading at end-of-file, or `linger` seconds from now if somebody still holds the pipe."""
        self._pump.tell(lambda: self._pump.expire(self, time.monotonic() + linger))

    def take(self, data: bytes) -> None:
        """Hand on what is whole, keep the rest."""
        cut = data.rfind(b"\n") + 1
        if cut:
            self._hand_on(b"".join((self.partial, memoryview(data)[:cut])))
            self.partial.clear()
        if cut < len(data):
            if not self.partial:
                self.partial_since = time.monotonic()
            self.partial += data[cut:]
            if len(self.partial) >= READ_SIZE:
                self.flush(whole_characters=True)

    def flush(self, *, whole_characters: bool = False) -> None:
        """Hand on the unfinished line; `whole_characters` keeps an incomplete UTF-8 sequence at its end."""
        keep = incomplete_tail(self.partial) if whole_characters else 0
        piece = bytes(self.partial[: len(self.partial) - keep])
        del self.partial[: len(piece)]
        if piece:
            self._hand_on(piece)

    def end(self) -> None:
        """Hand on the rest; nothing more will come."""
        self.flush()
        with self._pump.reporting():
            self.receiver.end()

    def _hand_on(self, block: bytes) -> None:
        with self._pump.reporting():
            self.receiver.write(block)


def incomplete_tail(data: bytes | bytearray) -> int:
    """How many bytes at the end (0–3) begin a UTF-8 character that is not complete."""
    for length in range(1, min(3, len(data)) + 1):
        byte = data[-length]
        if byte & 0xC0 == 0x80:
            continue
        needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return length if needed > length else 0
    return 0


def _pieces(handle: int) -> Iterator[bytes]:
    """What else is there now, as much as one read of a pipe would give."""
    size = 0
    while size < READ_SIZE:
        try:
            data = os.read(handle, READ_SIZE)
        except OSError:  # nothing more for now; an end is met again by the next read
            return
        if not data:
            return
        size += len(data)
        yield data


class Pump:
    """The thread that reads. What others call (`begin`, `exited`, `close` …) may come from any thread."""

    def __init__(self) -> None:
        from queue import SimpleQueue  # the first services start before there is a pump

        self._orders: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._wake_reading, self._wake_writing = os.pipe()
        os.set_blocking(self._wake_writing, False)
        os.set_blocking(self._wake_reading, False)
        self._selector.register(self._wake_reading, selectors.EVENT_READ)
        self._sources: set[Source] = set()
        self._is_stopping = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def source(self, handle: int, receiver: Receiver) -> Source:
        """What will read `handle` (the reading end of a pipe or a PTY's leader side), now the pump's own."""
        os.set_blocking(handle, False)
        return Source(self, handle, receiver)

    def finish(self, done: Callable[[], None]) -> None:
        """Hand on what is there now and end every source; then call `done` (on the pump's thread)."""
        self.tell(self._end_all)
        self.tell(done)

    def stop(self) -> None:
        """Hand on what is there now, end every source and the thread. Raises what failed on it first."""
        self.tell(self._stop)
        self._thread.join()
        os.close(self._wake_writing)
        if self._failure is not None:
            raise self._failure

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """A bug must not stop the reading: services would block for ever. `stop` tells it."""
        try:
            yield
        except Exception as problem:
            self._failure = self._failure or problem

    def tell(self, order: Callable[[], None]) -> None:
        """Have `order` done on the pump's thread."""
        self._orders.put(order)
        with contextlib.suppress(OSError):  # a full wake pipe wakes as well, a closed one needs no waking
            os.write(self._wake_writing, b"\0")

    def catch_up(self, source: Source, caught_up: Callable[[], None]) -> None:
        """On the pump's thread: read what is there now, at most what a pipe holds, then call back."""
        left = PIPE_SIZE
        while source.is_open and left > 0 and (size := self._read(source)):
            left -= size
        if source.is_open:
            source.flush()
        caught_up()

    def expire(self, source: Source, when: float) -> None:
        """On the pump's thread: end `source` at `when` at the latest."""
        source.closes_at = when

    def register(self, source: Source) -> None:
        """Read `source` from now on; on the pump's thread."""
        self._sources.add(source)
        self._selector.register(source.handle, selectors.EVENT_READ, source)

    def _stop(self) -> None:
        self._is_stopping = True

    def _run(self) -> None:
        while not self._is_stopping:
            read = self._round(self._selector.select(self._timeout()))
            if 0 < read < SMALL_ROUND:
                time.sleep(ROUND_GAP)
        self._end_all()
        self._selector.close()
        os.close(self._wake_reading)

    def _end_all(self) -> None:
        for source in tuple(self._sources):
            self._end_now(source)

    def _end_now(self, source: Source) -> None:
        self.catch_up(source, lambda: None)
        self._end(source)

    def _round(self, ready: list[tuple[selectors.SelectorKey, int]]) -> int:
        """Read each ready source once, so that a loud one does not delay the others; bytes read."""
        total = 0
        for key, _ in ready:
            if key.data is None:
                self._obey()
            elif key.data.is_open:
                total += self._read(key.data)
        now = time.monotonic()
        for source in tuple(self._sources):
            if source.partial and now >= source.partial_since + PARTIAL_AFTER:
                source.flush()
            if source.closes_at is not None and now >= source.closes_at:
                self._end_now(source)
        return total

    def _obey(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reading, 4096)
        while not self._orders.empty():
            with self.reporting():
                self._orders.get_nowait()()

    def _read(self, source: Source) -> int:
        """One read; 0 when nothing is there now or nothing will come any more."""
        try:
            data = os.read(source.handle, READ_SIZE)
        except BlockingIOError:
            return 0
        except OSError:  # a PTY answers EIO when its last user is gone
            data = b""
        if not data:
            self._end(source)
            return 0
        if source.comes_in_pieces:
            data = b"".join((data, *_pieces(source.handle)))
        source.take(data)
        return len(data)

    def _end(self, source: Source) -> None:
        if not source.is_open:
            return
        source.is_open = False
        self._sources.discard(source)
        self._selector.unregister(source.handle)
        os.close(source.handle)
        source.end()

    def _timeout(self) -> float | None:
        times = [source.partial_since + PARTIAL_AFTER for source in self._sources if source.partial]
        times += [source.closes_at for source in self._sources if source.closes_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None
