"""Tells when something in a few folders changes, without waking up while nothing does.

Linux: inotify on single folders, never on trees (a recursive watcher over a repository wakes for every build
step). Elsewhere: watchfiles, on the same folders.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x8, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF, _ATTRIB = 0x100, 0x200, 0x400, 0x800, 0x4
_ONLY_FOLDERS = 0x1000000
_MASK = (
    _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF | _ATTRIB
) | _ONLY_FOLDERS
_EVENT = struct.Struct("iIII")
_NONBLOCK, _CLOEXEC = os.O_NONBLOCK if hasattr(os, "O_NONBLOCK") else 0, 0x80000


class Loop(Protocol):
    """What is needed of an asyncio loop."""

    def add_reader(self, fd: int, callback: Callable[..., object], *args: object) -> None: ...  # noqa: D102

    def remove_reader(self, fd: int) -> bool: ...  # noqa: D102

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> object: ...  # noqa: D102


class FolderWatch(Protocol):
    """Watches folders until closed."""

    def set(self, folders: Iterable[Path]) -> None:
        """Watch exactly these existing folders."""
        ...

    def close(self) -> None:
        """Watch no more."""
        ...


def watch(loop: Loop, changed: Callable[[str], None]) -> FolderWatch:
    """Call `changed(name)` in the loop for every entry that changes; "" when the folder itself did."""
    if sys.platform == "linux":
        with suppress(OSError):
            return _Inotify(loop, changed)
    return _Portable(loop, changed)


class _Inotify:
    def __init__(self, loop: Loop, changed: Callable[[str], None]) -> None:
        import ctypes

        self._library = ctypes.CDLL(None, use_errno=True)
        self._handle = self._library.inotify_init1(_NONBLOCK | _CLOEXEC)
        if self._handle < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        self._loop = loop
        self._changed = changed
        self._watched: dict[Path, int] = {}
        loop.add_reader(self._handle, self._read)

    def set(self, folders: Iterable[Path]) -> None:
        wanted = set(folders)
        for folder in self._watched.keys() - wanted:
            self._library.inotify_rm_watch(self._handle, self._watched.pop(folder))
        for folder in wanted:  # adding twice is harmless and finds a folder that was replaced
            number = self._library.inotify_add_watch(self._handle, os.fsencode(folder), _MASK)
            if number >= 0:
                self._watched[folder] = number

    def close(self) -> None:
        self._loop.remove_reader(self._handle)
        os.close(self._handle)

    def _read(self) -> None:
        try:
            data = os.read(self._handle, 65536)
        except BlockingIOError:
            return
        position = 0
        names: dict[str, None] = {}
        while position < len(data):
            _, _, _, length = _EVENT.unpack_from(data, position)
            position += _EVENT.size
            names[os.fsdecode(data[position : position + length].rstrip(b"\0"))] = None
            position += length
        for name in names:
            self._changed(name)


LOOK_AGAIN = 5000
"""Milliseconds after which watchfiles says that it watches; what changed before may have escaped it."""


class _Portable:
    """watchfiles on a thread of its own."""

    def __init__(self, loop: Loop, changed: Callable[[str], None]) -> None:
        self._loop = loop
        self._changed = changed
        self._stop = threading.Event()
        self._folders: frozenset[Path] = frozenset()

    def set(self, folders: Iterable[Path]) -> None:
        wanted = frozenset(folders)
        if wanted == self._folders:
            return
        self.close()
        self._folders, self._stop = wanted, threading.Event()
        if wanted:
            threading.Thread(target=self._run, args=(wanted, self._stop), daemon=True).start()

    def close(self) -> None:
        self._stop.set()

    def _run(self, folders: frozenset[Path], stop: threading.Event) -> None:
        import watchfiles

        changes = watchfiles.watch(
            *folders,
            recursive=False,
            step=50,
            debounce=100,
            rust_timeout=LOOK_AGAIN,
            yield_on_timeout=True,
            stop_event=stop,
            watch_filter=None,
        )
        is_first = True
        for batch in changes:
            names = [Path(path).name for _, path in batch] + [""] * is_first
            is_first = False
            for name in names:
                with suppress(RuntimeError):  # the loop has just ended
                    self._loop.call_soon_threadsafe(self._changed, name)
