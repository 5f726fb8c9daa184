"""The lock that says that a run of this checkout lives.

    .devstack/lock   held by the living devstack; its content is its pid

It cannot be faked by a recycled pid: whoever holds it lives.
"""

from __future__ import annotations

import os
import sys
import time
from stat import S_ISREG
from typing import TYPE_CHECKING

from devstack.host.private_folder import PrivateFolder

if TYPE_CHECKING:
    from devstack.host.model import ProcessId

LOCK = "lock"
TRIES, MOST_TRIES, PAUSE = 10, 200, 0.01
"""How often and after how many seconds a run asks for a lock that is held: by whoever signed it, or by nobody known."""


class Lock:
    """Held while a run of this checkout lives."""

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder
        self._handle: int | None = None

    def acquire(self) -> int | None:
        """None when it is ours now, else the pid of the devstack that holds it (0 when it does not say).

        Somebody who only looks (`running_pid`) holds it for a moment, on a busy machine for a long one: it is asked
        for several times, and again and again while who signed it is gone.
        """
        handle = self._folder.open_lock(LOCK)
        for tries in range(MOST_TRIES):
            if _try_lock(handle):
                self._handle = handle
                self.sign()
                return None
            if tries >= TRIES and _lives(_signature(handle)):
                break
            time.sleep(PAUSE)
        signed = _signature(handle)
        os.close(handle)
        return signed

    def sign(self) -> None:
        """Write our pid into it; again after a fork, when the child goes on with the run."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, b"%d" % os.getpid())

    def release(self) -> None:
        """Let the next run in."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def running_pid(folder: PrivateFolder) -> int | None:
    """The pid of the devstack whose run lives in this checkout, 0 when it may not be known; None without one."""
    try:
        # Not `is_file`, which from Python 3.14 on hides that it may not look.
        if not S_ISREG((folder.path / LOCK).stat().st_mode):
            return None
        handle = folder.open_lock(LOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:  # another user's
        return 0
    try:
        return None if _try_lock(handle, is_look=True) else _signature(handle)
    finally:
        os.close(handle)


def holder(folder: PrivateFolder) -> ProcessId | None:
    """The devstack whose run lives in this checkout; None when there is none, or it cannot be told from here.

    The number alone is no proof: in another container that shares the folder it means another process. Who
    holds the lock has the file open.
    """
    from devstack.host import process_facts

    pid = running_pid(folder)
    entry = process_facts.kin(pid) if pid else None
    if entry is None:
        return None
    import psutil

    try:
        opened = {one.path for one in psutil.Process(entry.id.pid).open_files()}
    except (psutil.Error, OSError):
        return None
    return entry.id if os.path.realpath(folder.path / LOCK) in opened else None


def _signature(handle: int) -> int:
    text = os.pread(handle, 64, 0) if hasattr(os, "pread") else b""
    return int(text) if text.strip().isdigit() else 0


def _lives(pid: int) -> bool:
    from devstack.host import process_facts

    entry = process_facts.kin(pid) if pid else None
    return entry is not None and not entry.is_dead


def _try_lock(handle: int, *, is_look: bool = False) -> bool:
    """Whether nobody else holds it. Who only looks shares it: of two who look, neither takes the other for a run."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, (fcntl.LOCK_SH if is_look else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
