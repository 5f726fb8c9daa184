"""The WebSocket part of a readiness gate: one connection as a client of this stack makes it.

A server that refuses the stack's own client because of token, origin or subprotocol refuses it again, so it is
asked again only when something changed: its listener, its processes, or an env file. A server that answers
otherwise (no such path yet, an error of its handler) may still be starting and is asked at growing distances.
Its process is not stopped for either: whoever works on it mends it while it runs.

Where no token can be made the connection is tried without one. Being refused then proves nothing: the gate passes
with a note that says why there was no token.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devstack.probes.base import Answer
from devstack.records import dataclass, replace

if TYPE_CHECKING:
    from devstack.contract.members import Facts
    from devstack.contract.session import Target
    from devstack.stack.model import Stack

CONNECT_SECONDS = 10.0
PAUSES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
LOOK_EVERY = 0.1
FILES_EVERY = 10  # looks at the port for one look at the files
TICK = 20_000_000  # nanoseconds by which the time of a change may lie behind the clock
Mark = tuple[int, int, int]
"""When a file changed (nanoseconds), its size and its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Our own listener: where to connect, and a mark that changes when it or its processes do."""

    addresses: tuple[str, ...]
    mark: object = None


class StackClient:
    """Connects to one service with what the env files give at that moment."""

    def __init__(self, service: str, *, stack: Callable[[], Stack], process: Mapping[str, str]) -> None:
        """`stack` gives the stack that runs; `process`: the environment devstack was started with."""
        self._service = service
        self._stack = stack
        self._process = process
        self._files: tuple[Path, ...] = ()
        self._seen: object = None
        self._target: Target | None = None
        self._problem = ""
        self._built: asyncio.Future[None] | None = None

    def prepare(self) -> asyncio.Future[None]:
        """Read the files and load what a connection needs, beforehand, so that readiness does not wait for it."""
        is_stale = self._built is not None and self._built.done() and self._seen != self.files_mark()
        if self._built is None or is_stale:
            self._built = asyncio.ensure_future(asyncio.to_thread(self._build))
        return self._built

    async def ask(self, addresses: tuple[str, ...]) -> Answer:
        """One connection to one of `addresses`; no failure is an exception."""
        await asyncio.shield(self.prepare())
        target = self._target
        if target is None:
            return Answer(ok=True, detail="WebSocket not asked", note=f"WebSocket not asked: {self._problem}")
        from devstack.probes import websocket

        return await websocket.probe(replace(target, addresses=addresses, timeout=CONNECT_SECONDS))

    def files_mark(self) -> tuple[Mark | None, ...]:
        """Changes when one of the stack's env files does, also when it appears or goes away."""
        return tuple(_mark(path) for path in self._files)

    def _build(self) -> None:
        from devstack.contract import handshake, targets, urls
        from devstack.errors import DevstackError

        handshake.load()
        self._target = None
        try:
            target = targets.for_service(self._facts(), self._service)
        except (DevstackError, OSError) as problem:
            self._problem = str(problem)
            return
        host = urlsplit(target.url).hostname or ""
        if urls.is_loopback(host):
            self._target = target
        else:
            self._problem = f"{host} is not this machine; devstack ws {self._service} --remote asks it"

    def _facts(self) -> Facts:
        """What the files say now; remembers which they are."""
        from devstack.contract import members
        from devstack.env.files import Files
        from devstack.env.resolve import resolve
        from devstack.env.source.scan import SourceScanner

        stack = self._stack()
        files = Files(stack.root)
        scanner = SourceScanner(stack.root, files)
        began = time.time_ns() - TICK
        found = resolve(stack, process=self._process, files=files)
        self._files = tuple({layer.path for one in found.values() for layer in one.layers})
        marks = self.files_mark()
        # What changed while it was read may have been read as it was before: it is read once more.
        self._seen = None if any(one and one[0] >= began for one in marks) else marks
        return members.Facts(
            stack=stack,
            environments=found,
            sources=lambda name: scanner.index(stack, name),
            files=files,
        )


async def until_open(
    client: StackClient, listening: Callable[[], Awaitable[Listening]], tell: Callable[[Answer], None]
) -> Answer:
    """Ask until the socket opens as declared; every other answer is told once."""
    tries = 0
    while True:
        now = await listening()
        answer = await client.ask(now.addresses)
        if answer.ok:
            return answer
        tell(answer)
        if answer.settled:
            await _change(client, listening, now)
        else:
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1


async def _change(
    client: StackClient, listening: Callable[[], Awaitable[Listening]], before: Listening
) -> None:
    """Wait until another process may answer, or another token may be sent; only the kernel is asked."""
    files = client.files_mark()
    looks = 0
    while True:
        await asyncio.sleep(LOOK_EVERY)
        looks += 1
        if (await listening()).mark != before.mark:
            return
        if looks % FILES_EVERY == 0 and client.files_mark() != files:
            return


def _mark(path: Path) -> Mark | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ctime_ns, facts.st_size, facts.st_ino
