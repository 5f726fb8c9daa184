"""Where a view writes: whole pieces, however the other end takes them, until it is gone."""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable, Sequence

from devstack.host.pump import enlarge


class Stream:
    """Writes to `handle`. `on_closed` is called once when nobody reads any more; nothing here raises."""

    def __init__(self, handle: int, on_closed: Callable[[], None] = lambda: None) -> None:
        self._handle = handle
        self._on_closed = on_closed
        self.is_terminal = os.isatty(handle)
        enlarge(handle)
        self.is_closed = False

    def write(self, *pieces: bytes) -> None:
        """Write all pieces, in order."""
        if self.is_closed:
            return
        try:
            written = os.writev(self._handle, pieces)
            if written < sum(map(len, pieces)):
                self._write_rest(pieces, written)
        except BlockingIOError:
            self._write_rest(pieces, 0)
        except OSError as problem:
            self._close(problem)

    def _write_rest(self, pieces: Sequence[bytes], written: int) -> None:
        """The slow way: a stream that takes parts, or was made non-blocking by somebody who shares it."""
        view = memoryview(b"".join(pieces))[written:]
        while view:
            try:
                view = view[os.write(self._handle, view) :]
            except BlockingIOError:
                select.select([], [self._handle], [])
            except OSError as problem:
                self._close(problem)
                return

    def _close(self, problem: OSError) -> None:
        """The reader or the terminal is gone: go on without it, let the run decide."""
        self.is_closed = True
        if problem.errno in (errno.EPIPE, errno.EIO):
            self._on_closed()
