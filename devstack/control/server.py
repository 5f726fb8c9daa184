"""The running stack's control socket: HTTP over a unix socket that only its owner can open.

The socket listens from the start and costs nothing: uvicorn and starlette are imported when the first client
connects. Requests only post facts to the run; nothing is decided here. The server has a thread of its own.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from devstack.control.protocol import ADDRESS_FILE, LONGEST_PATH, SOCKET, Replacement, socket_path
from devstack.host.private_folder import FILE_MODE, PrivateFolder
from devstack.run.hub import Hub


class ControlServer:
    """Listens in `folder` for the run behind `hub`. `start` raises OSError when there can be no socket."""

    def __init__(
        self,
        folder: PrivateFolder,
        hub: Hub,
        *,
        reload_env: Callable[[], None] | None = None,
        replace_stack: Callable[[bool], Replacement | None] = lambda yes: None,
        survive: Callable[[Exception], str] = str,
    ) -> None:
        """`replace_stack` goes over to a changed stack.toml (`yes`: with consent) and tells what that means.

        It gives None when the file means what runs, and raises a DevstackError when it cannot be run. `survive`:
        what to answer of a bug of ours.
        """
        self._folder = folder
        self._hub = hub
        self._reload_env = reload_env
        self._replace_stack = replace_stack
        self._survive = survive
        self._closing = threading.Event()
        self._wake_reading, self._wake_writing = socket.socketpair()
        self._listener: socket.socket | None = None
        self._own_folder: Path | None = None
        self._stop_serving: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._wait_for_client, name="control", daemon=True)

    def start(self) -> None:
        """Listen, and wait for clients in the background."""
        self._folder.create()
        self._clear()
        path = self._path()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(os.fspath(path))
        path.chmod(FILE_MODE)  # its folder is ours alone; a changed umask would be that of all threads
        listener.listen(64)
        self._listener = listener
        if self._own_folder is not None:
            self._folder.write(ADDRESS_FILE, os.fsencode(path) + b"\n")
        self._thread.start()

    def close(self) -> None:
        """Answer no more, remove the socket."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._wake_writing.send(b"\0")
        stop = self._stop_serving
        if stop is not None:
            with contextlib.suppress(RuntimeError):  # its loop has just ended
                stop()
        if self._thread.is_alive():
            self._thread.join(2)
        if self._listener is not None:
            self._listener.close()
            with contextlib.suppress(OSError):
                self._clear()
        self._wake_reading.close()
        self._wake_writing.close()

    def _path(self) -> Path:
        """In the run's folder; where that path is too long for a socket, in a fresh folder of our own."""
        path = (self._folder.path / SOCKET).absolute()
        if len(os.fsencode(path)) <= LONGEST_PATH:
            return path
        import tempfile

        for parent in (None, "/tmp"):
            made = Path(tempfile.mkdtemp(prefix="devstack-", dir=parent))
            if len(os.fsencode(made / SOCKET)) <= LONGEST_PATH:
                self._own_folder = made
                return made / SOCKET
            made.rmdir()
        raise OSError(f"no folder with a short enough path for the control socket of {self._folder.path}")

    def _clear(self) -> None:
        """Remove our socket, or what a killed run left: the run's lock says that nobody else uses it."""
        path = socket_path(self._folder)
        if path is not None:
            path.unlink(missing_ok=True)
            if path.parent != self._folder.path.absolute() and path.parent.name.startswith("devstack-"):
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
        self._folder.remove(ADDRESS_FILE)

    def _wait_for_client(self) -> None:
        assert self._listener is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_reading, selectors.EVENT_READ)
            selector.select()
        if self._closing.is_set():
            return
        from devstack.control.application import application, serve

        def stoppable(stop: Callable[[], None]) -> None:
            self._stop_serving = stop
            if self._closing.is_set():
                stop()

        if self._closing.is_set():  # loading took longer than `close` waits
            return
        answers = application(self._hub, self._reload_env, self._replace_stack, survive=self._survive)
        serve(answers, self._listener, stoppable)


def is_own_peer(connection: socket.socket) -> bool:
    """Whether the process at the other end runs as our user (or as root)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # the socket's folder and mode keep others out
        return True
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return user in (os.geteuid(), 0)
