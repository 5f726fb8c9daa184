"""The demo's backend: hands out tokens over HTTP, connects people and the agent in rooms over a WebSocket.

A refused token is told to the browser: the socket is accepted first and then closed with 4401 and a
reason. Closing before accepting would reach the page as a bare 1006.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterable

import jwt
import uvicorn
from dotenv import load_dotenv
from rooms import Member, Rooms
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

load_dotenv()

SECRET = os.environ["JWT_SECRET"]
PORT = int(os.environ.get("PORT", "3001"))
ORIGINS = [origin.strip() for origin in os.environ.get("CORS_ORIGIN", "").split(",") if origin.strip()]

TOKEN_SECONDS = 3600
MAX_TEXT = 2000
MAX_NAME = 40
UNAUTHORIZED, FORBIDDEN_ORIGIN, BAD_MESSAGE = 4401, 4403, 4400

log = logging.getLogger("server")
rooms = Rooms()


async def health(_: Request) -> JSONResponse:
    """Whether the backend works, and on which port."""
    return JSONResponse({"status": "ok", "websocket": "available", "port": PORT, "rooms": rooms.count()})


async def token(request: Request) -> JSONResponse:
    """A token for the page: anyone may chat in the demo, nobody may pose as the agent."""
    name = request.query_params.get("name", "").strip()[:MAX_NAME] or "guest"
    now = int(time.time())
    claims = {"sub": name, "role": "client", "iat": now, "exp": now + TOKEN_SECONDS}
    return JSONResponse({"token": jwt.encode(claims, SECRET, algorithm="HS256"), "name": name})


async def socket(websocket: WebSocket) -> None:
    """One connection, from its token to its end."""
    await websocket.accept()
    origin = websocket.headers.get("origin")
    if origin is not None and origin not in ORIGINS:
        await websocket.close(FORBIDDEN_ORIGIN, "origin not allowed")
        return
    try:
        claims = jwt.decode(websocket.query_params.get("token", ""), SECRET, algorithms=["HS256"])
    except jwt.PyJWTError as problem:
        log.warning("refused a token: %s", type(problem).__name__)
        await websocket.close(UNAUTHORIZED, "token refused")
        return
    member = Member(
        name=str(claims.get("sub", "guest")), role=str(claims.get("role", "client")), socket=websocket
    )
    room = websocket.query_params.get("room", "lobby")[:MAX_NAME]
    await rooms.join(member, room)
    with contextlib.suppress(WebSocketDisconnect):
        await converse(member, room)
    await rooms.leave(member)


async def converse(member: Member, room: str) -> None:
    """Pass on what `member` says until the connection ends."""
    while True:
        said = parse(await member.socket.receive_text())
        if said is None:
            await member.socket.close(BAD_MESSAGE, "expected a JSON object with a text")
            return
        target = said.get("room", room) if member.role == "agent" else room
        await rooms.say(member, str(target), str(said["text"])[:MAX_TEXT])


def parse(frame: str) -> dict[str, object] | None:
    """The message in `frame`, or None when it is not one."""
    try:
        said = json.loads(frame)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "text" in said else None


def application(origins: Iterable[str]) -> Starlette:
    """The ASGI application."""
    routes = [Route("/health", health), Route("/token", token), WebSocketRoute("/ws", socket)]
    cors = Middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=["GET"])
    return Starlette(routes=routes, middleware=[cors])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    log.info("listening on http://127.0.0.1:%d, origins %s", PORT, ", ".join(ORIGINS) or "none")
    # Below warning level uvicorn prints request lines, and with them `?token=`.
    uvicorn.run(application(ORIGINS), host="127.0.0.1", port=PORT, access_log=False, log_level="warning")
