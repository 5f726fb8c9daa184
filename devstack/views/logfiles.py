"""The lossless record of a run: `.devstack/logs/<service>.log`, with an index of when each block came.

Bytes are appended as the service wrote them (redacted, otherwise untouched). Beside each file lies an index,
`<service>.log.index`: a header naming the run, then one record (offset, time) for each block that begins a
line. It lets `devstack logs` merge services in time order without a time stamp in every line.

A file that reaches its cap is rotated to `<service>.log.1`, `.2` …; a new run starts with a rotation. A full
disk never stops the run: the loss is told once, and again how much it was when writing works again.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Callable

from devstack.errors import RefusedError
from devstack.host.private_folder import PrivateFolder

FOLDER = "logs"
CAP = 64 * 1024 * 1024
"""Bytes after which a log file is rotated."""
KEEP = 4
"""Files kept per service, the current one included."""
HEADER = struct.Struct("<8s16sd")
RECORD = struct.Struct("<Qd")
MAGIC = b"dslog1\n\0"
INDEX = ".index"
INDEX_STEP = 0.001
"""Blocks that begin within so many seconds share a record."""


class LogFiles:
    """The log files of one run. `complain` is told once in plain words when they cannot be written."""

    def __init__(
        self,
        folder: PrivateFolder,
        run: str,
        complain: Callable[[str], None],
        *,
        cap: int = CAP,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._run = run.encode()[:16]
        self._complain = complain
        self.cap = cap
        self._clock = clock
        self._open: dict[str, LogFile] = {}
        self._has_complained = False

    def store(self, service: str) -> Callable[[bytes], None]:
        """What appends to the log of `service`, for one more generation; all share the file of this run."""
        if service not in self._open:
            self._open[service] = LogFile(self, service)
        self._open[service].begin()
        return self._open[service].write

    def close(self) -> None:
        """Close every file."""
        for log in self._open.values():
            log.close()

    def renew(self) -> None:
        """The folder is another one now: what comes next goes to fresh files."""
        for log in tuple(self._open.values()):
            log.is_outdated = True

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def has_room(self, size: int) -> bool:
        """Whether a file of `size` bytes may still grow."""
        return size < self.cap

    def fresh(self, service: str) -> tuple[int, int]:
        """Rotate what is there and open a new log and its index. OSError says what failed."""
        self._folder.create()
        folder = self._folder.folder(FOLDER)
        name = f"{service}.log"
        _rotate(folder, name)
        with contextlib.ExitStack() as undo:
            log = folder.open_append(name)
            undo.callback(os.close, log)
            index = folder.open_append(name + INDEX)
            undo.callback(os.close, index)
            os.write(index, HEADER.pack(MAGIC, self._run, self._clock()))
            undo.pop_all()
        return log, index

    def lost(self, service: str, problem: OSError | RefusedError) -> None:
        """Tell once that a log cannot be written."""
        if not self._has_complained:
            self._has_complained = True
            reason = problem.message if isinstance(problem, RefusedError) else problem.strerror
            self._complain(f"log files will not be complete: {reason} (writing the log of {service})")


class LogFile:
    """One service's log. Called on the pump's thread only; never raises for what the disk does."""

    def __init__(self, files: LogFiles, service: str) -> None:
        self._files = files
        self._service = service
        self._log = -1
        self._index = -1
        self._size = 0
        self._last_record = 0.0
        self._at_line_start = True
        self._lost = 0
        self._begins = False
        self.is_outdated = False

    def begin(self) -> None:
        """What comes next is another process's output: it does not go on in an unfinished line."""
        self._begins = True

    def write(self, block: bytes) -> None:
        """Append `block`."""
        try:
            if (
                self._log < 0
                or self.is_outdated
                or (self._at_line_start and not self._files.has_room(self._size))
            ):
                self._reopen()
            if self._lost:
                self._admit()
            if self._begins and not self._at_line_start:
                self._append(b"\n")
                self._at_line_start = True
            self._begins = False
            self._mark()
            self._append(block)
            self._at_line_start = block.endswith(b"\n")
        except (OSError, RefusedError) as problem:
            self._lost += len(block)
            self._files.lost(self._service, problem)

    def close(self) -> None:
        """Close both files."""
        for handle in (self._log, self._index):
            if handle >= 0:
                with contextlib.suppress(OSError):
                    os.close(handle)
        self._log = self._index = -1

    def _reopen(self) -> None:
        self.close()
        self.is_outdated = False
        self._log, self._index = self._files.fresh(self._service)
        self._size, self._last_record, self._at_line_start = 0, 0.0, True

    def _mark(self) -> None:
        now = self._files.now()
        if self._at_line_start and now - self._last_record >= INDEX_STEP:
            os.write(self._index, RECORD.pack(self._size, now))
            self._last_record = now

    def _append(self, data: bytes) -> None:
        written = os.write(self._log, data)
        self._size += written
        while written < len(data):  # a disk that gets full takes a part first
            more = os.write(self._log, memoryview(data)[written:])
            self._size += more
            written += more

    def _admit(self) -> None:
        note = f"[devstack: {self._lost:,} bytes could not be written here]\n".encode()
        self._append(note if self._at_line_start else b"\n" + note)
        self._lost = 0
        self._at_line_start = True


def _rotate(folder: PrivateFolder, name: str) -> None:
    """`x.log.2` → `x.log.3`, `x.log.1` → `x.log.2`, `x.log` → `x.log.1`; the oldest goes.

    An empty log pushes nothing out: on a full disk there is a new one with each attempt.
    """
    with contextlib.suppress(FileNotFoundError):
        if (folder.path / name).stat().st_size == 0:
            (folder.path / name).unlink()
            (folder.path / (name + INDEX)).unlink(missing_ok=True)
            return
    for number in range(KEEP - 1, 0, -1):
        older = f"{name}.{number}"
        newer = f"{name}.{number - 1}" if number > 1 else name
        for suffix in ("", INDEX):
            with contextlib.suppress(FileNotFoundError):
                (folder.path / (newer + suffix)).replace(folder.path / (older + suffix))
