"""The backend: `/health` and `/token` over HTTP, `/ws?token=…` for the page and the agent."""

import asyncio
import contextlib
import http
import json
import os
import time
import urllib.parse

import jwt
from dotenv import load_dotenv
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError
from websockets.http11 import Request, Response

load_dotenv()
SECRET = os.environ["JWT_SECRET"]
PORT = int(os.environ.get("PORT", "3001"))
ORIGINS = os.environ.get("CORS_ORIGIN", "").split(",")
people: set[ServerConnection] = set()
agents: set[ServerConnection] = set()


def answer_http(connection: ServerConnection, request: Request) -> Response | None:
    """Plain HTTP where it is asked for; None lets the WebSocket handshake go on."""
    path = urllib.parse.urlsplit(request.path).path
    if path == "/health":
        return as_json(connection, request, {"status": "ok", "websocket": "/ws", "port": PORT})
    if path == "/token":
        claims = {"sub": "guest", "role": "client", "exp": int(time.time()) + 3600}
        return as_json(connection, request, {"token": jwt.encode(claims, SECRET, algorithm="HS256")})
    return None if path == "/ws" else connection.respond(http.HTTPStatus.NOT_FOUND, "no such page\n")


def as_json(connection: ServerConnection, request: Request, body: dict[str, object]) -> Response:
    """A JSON answer that the allowed pages may read."""
    response = connection.respond(http.HTTPStatus.OK, json.dumps(body))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    origin = request.headers.get("Origin")
    if origin in ORIGINS:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


async def connected(connection: ServerConnection) -> None:
    """Check the token, then pass messages between people and agents."""
    origin = connection.request.headers.get("Origin")
    if origin is not None and origin not in ORIGINS:
        await connection.close(4403, "origin not allowed")
        return
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(connection.request.path).query)
    try:
        claims = jwt.decode(query.get("token", [""])[0], SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        await connection.close(4401, f"token refused: {type(error).__name__}")
        return
    mine, others = (agents, people) if claims.get("role") == "agent" else (people, agents)
    mine.add(connection)
    try:
        with contextlib.suppress(ConnectionClosedError):
            async for message in connection:
                broadcast(others, message)
    finally:
        mine.discard(connection)


async def main() -> None:
    async with serve(connected, "localhost", PORT, process_request=answer_http) as server:
        print(f"listening on {PORT}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
