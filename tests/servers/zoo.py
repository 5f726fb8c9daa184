"""Real servers that fail a WebSocket in many ways, in one process: `-m tests.servers.zoo - SECRET-FILE`.

Prints one JSON line `{"name": port, …}` once everything listens, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.server import ServerConnection, serve

from tests.servers.tls import certificate

SECRET = Path(sys.argv[2]).read_text().strip() if len(sys.argv) > 2 else ""


def is_good(websocket: WebSocket) -> bool:
    try:
        jwt.decode(websocket.query_params.get("token", ""), SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        return False
    return True


async def stay(websocket: WebSocket) -> None:
    async for _ in websocket.iter_text():
        pass


async def normal(websocket: WebSocket) -> None:
    await websocket.accept()
    if is_good(websocket):
        await stay(websocket)
    else:
        await websocket.close(4401, "token refused")


async def open_to_all(websocket: WebSocket) -> None:
    await websocket.accept()
    await stay(websocket)


async def refused_before_accept(websocket: WebSocket) -> None:
    # What FastAPI's usual `if not user: await ws.close(1008)` does: the page never sees the code.
    await websocket.close(1008)


async def refused_after_accept(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(4401, "invalid token")


async def policy(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(1008, "token expired")


async def shutting_down(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(1012, "restart")


async def raises_before_accept(websocket: WebSocket) -> None:
    raise RuntimeError("before accept")


async def raises_after_accept(websocket: WebSocket) -> None:
    await websocket.accept()
    raise RuntimeError("after accept")


async def denied(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("invalid token", status_code=401))


async def stuck(websocket: WebSocket) -> None:
    await asyncio.sleep(3600)


async def page(_: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>page</title>")


APP = Starlette(
    routes=[
        Route("/page", page),
        WebSocketRoute("/normal", normal),
        WebSocketRoute("/open-to-all", open_to_all),
        WebSocketRoute("/refused-before-accept", refused_before_accept),
        WebSocketRoute("/refused-after-accept", refused_after_accept),
        WebSocketRoute("/policy", policy),
        WebSocketRoute("/shutting-down", shutting_down),
        WebSocketRoute("/raises-before-accept", raises_before_accept),
        WebSocketRoute("/raises-after-accept", raises_after_accept),
        WebSocketRoute("/denied", denied),
        WebSocketRoute("/stuck", stuck),
    ]
)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(text: str) -> Handler:
    """A server that reads a request head and answers `text`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(Exception):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(text.replace("\n", "\r\n").encode())
            await writer.drain()
            writer.close()

    return handle


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(Exception):
        while await reader.read(4096):
            pass
    writer.close()


async def dropping(connection: ServerConnection) -> None:
    connection.transport.abort()


async def failing(connection: ServerConnection) -> None:
    raise RuntimeError("handler")


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


HTTP = {
    "redirect": "HTTP/1.1 301 Moved Permanently\nLocation: https://localhost/ws\nContent-Length: 0\n\n",
    "bad-gateway": "HTTP/1.1 502 Bad Gateway\nContent-Length: 0\n\n",
    "web-page": "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 6\n\n<html>",
    "header-too-long": "HTTP/1.1 431 Request Header Fields Too Large\nContent-Length: 0\n\n",
    "not-found": "HTTP/1.1 404 Not Found\nContent-Length: 0\n\n",
    "upgrade-lost": "HTTP/1.1 426 Upgrade Required\nContent-Length: 0\n\n",
    "asked-in-http-1.0": "HTTP/1.1 505 HTTP Version Not Supported\nContent-Length: 0\n\n",
    "garbage": "220 mail.example ESMTP\n",
    "wrong-accept-key": "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n"
    "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
    "unoffered-extension": "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n"
    "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nSec-WebSocket-Extensions: x-none\n\n",
}


def hung_listener(keep: list[socket.socket]) -> int:
    """A listener whose accept queue is full: connecting times out."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = int(listener.getsockname()[1])
    keep.append(listener)
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
        keep.append(filler)
    return port


async def main() -> None:
    logging.disable()
    ports: dict[str, int] = {}
    keep: list[socket.socket] = []
    async with contextlib.AsyncExitStack() as stack:
        app = socket.socket()
        app.bind(("127.0.0.1", 0))
        ports["app"] = int(app.getsockname()[1])
        config = uvicorn.Config(APP, log_level="critical", lifespan="off", ws_ping_interval=None)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
        serving = asyncio.create_task(server.serve(sockets=[app]))
        for name, text in HTTP.items():
            raw = await asyncio.start_server(answering(text), "127.0.0.1", 0)
            ports[name] = raw.sockets[0].getsockname()[1]
        quiet = await asyncio.start_server(silent, "127.0.0.1", 0)
        ports["silent"] = quiet.sockets[0].getsockname()[1]
        for name, handler, origins in (
            ("drops", dropping, None),
            ("fails", failing, None),
            ("echo", echo, None),
            ("own-origin-only", echo, ["https://app.example"]),
        ):
            running = await stack.enter_async_context(serve(handler, "127.0.0.1", 0, origins=origins))
            ports[name] = running.sockets[0].getsockname()[1]
        with tempfile.TemporaryDirectory() as folder:
            context = certificate(Path(folder))
        secure = await stack.enter_async_context(serve(echo, "127.0.0.1", 0, ssl=context))
        ports["tls"] = secure.sockets[0].getsockname()[1]
        ports["hung"] = hung_listener(keep)
        while not server.started:
            await asyncio.sleep(0.01)
        print(json.dumps(ports), flush=True)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait_for_end() -> None:
            sys.stdin.read()
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait_for_end, daemon=True).start()
        await ended.wait()
        server.force_exit = server.should_exit = True
        await serving


if __name__ == "__main__":
    asyncio.run(main())
