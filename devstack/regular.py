"""Reading files that may be anything: a pipe or a device is never waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read(path: Path | str) -> bytes:
    """The bytes of a regular file (links are followed). Raises OSError for anything else.

    A repository may hold a FIFO named like any file that devstack reads; opening it would wait for its writer.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb", buffering=0) as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
        return stream.readall()
