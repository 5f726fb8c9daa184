"""Servers that misbehave on purpose, as real sockets in the test's own event loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Server:
    """What a client met: its port, how many connected, how many bytes it took."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []
        self.sent = 0


@asynccontextmanager
async def serving(
    handle: Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    host: str = "127.0.0.1",
) -> AsyncIterator[Server]:
    """Serve on a free port of `host` until the block ends; nothing of it outlives the block."""
    server = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handle(server, reader, writer)
        finally:
            writer.transport.abort()
            tasks.discard(task)

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = await asyncio.start_server(one, host, 0, family=family)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def head(server: Server, reader: asyncio.StreamReader) -> bytes:
    """The request's head."""
    found = await reader.readuntil(b"\r\n\r\n")
    server.requests.append(found)
    return found


def answering(answer: bytes, *, stay: bool = False) -> Callable[..., Awaitable[None]]:
    """Read a request, write `answer`, and hang up or stay connected for ever."""

    async def handle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(server, reader)
        writer.write(answer)
        await writer.drain()
        if stay:
            await asyncio.Event().wait()

    return handle


def upgraded(request: bytes, headers: bytes = b"") -> bytes:
    """The head of a right answer to `request`."""
    key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key.split(b": ")[1] + MAGIC).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + headers + b"\r\n"
    )


def after_upgrade(
    frames: bytes, *, stay: bool = True, headers: bytes = b""
) -> Callable[..., Awaitable[None]]:
    """Shake hands as a WebSocket server does, then write `frames`."""

    async def handle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await head(server, reader)
        writer.write(upgraded(request, headers) + frames)
        await writer.drain()
        if stay:
            await asyncio.Event().wait()

    return handle


def endless(prefix: bytes, part: bytes, *, limit: int, pause: float = 0.0) -> Callable[..., Awaitable[None]]:
    """Write `prefix`, then `part` again and again until the client is gone or `limit` bytes are sent."""

    async def handle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(server, reader)
        writer.write(prefix)
        while server.sent < limit:
            writer.write(part)
            await writer.drain()
            server.sent += len(part)
            await asyncio.sleep(pause)

    return handle
