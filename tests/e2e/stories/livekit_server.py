"""LiveKit's signalling as far as a client needs it to join: `/rtc`, `/rtc/validate`, real token checks, its words.

python livekit_server.py    PORT, LIVEKIT_API_KEY, LIVEKIT_API_SECRET from the environment
"""

from __future__ import annotations

import os

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

KEY, SECRET = os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"]


def refusal(connection: HTTPConnection) -> Response | None:
    """The answer to a token that is not good, as LiveKit words it (it echoes the token)."""
    token = connection.query_params.get("access_token", "")
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        if issuer != KEY:
            return PlainTextResponse(f"invalid API key: {issuer}", 401)
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], issuer=KEY, leeway=60)
    except jwt.PyJWTError as problem:
        return PlainTextResponse(f"invalid token: {token}, error: {problem}", 401)
    if not claims.get("video", {}).get("roomJoin"):
        return PlainTextResponse("permissions denied", 401)
    if not claims.get("sub"):
        return PlainTextResponse("identity cannot be empty", 400)
    return None


async def validate(request: Request) -> Response:
    return refusal(request) or PlainTextResponse("success")


async def signal(websocket: WebSocket) -> None:
    refused = refusal(websocket)
    if refused is not None:
        await websocket.send_denial_response(refused)
        return
    await websocket.accept()
    await websocket.send_json({"join": {"room": "devstack"}})
    async for _ in websocket.iter_text():
        pass


async def home(_: Request) -> Response:
    return PlainTextResponse("OK")


APP = Starlette(routes=[Route("/", home), Route("/rtc/validate", validate), WebSocketRoute("/rtc", signal)])

if __name__ == "__main__":
    uvicorn.run(APP, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
