"""The demo's agent: a worker that joins every room through the backend and answers what people say.

A refused token ends the process at once: retrying cannot help. A backend that is away is retried
with backoff.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time

import jwt
from answers import answer
from dotenv import load_dotenv
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

load_dotenv()

SECRET = os.environ["JWT_SECRET"]
SERVER_URL = os.environ["SERVER_URL"]
NAME = "assistant"
UNAUTHORIZED = 4401
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0

log = logging.getLogger("agent")


def token() -> str:
    """A token that names this process as the agent; short-lived, made anew for each connection."""
    now = int(time.time())
    claims = {"sub": NAME, "role": "agent", "iat": now, "exp": now + 300}
    return jwt.encode(claims, SECRET, algorithm="HS256")


async def serve(connection: ClientConnection) -> None:
    """Answer until the connection ends."""
    async for frame in connection:
        message = json.loads(frame)
        if message["type"] == "registered":
            log.info("registered worker %s", NAME)
        elif message["type"] == "message":
            reply = answer(message["text"], name=message["from"])
            await connection.send(json.dumps({"room": message["room"], "text": reply}))


async def main() -> int:
    """Stay connected; returns the exit code."""
    pause = FIRST_PAUSE
    while True:
        try:
            async with connect(f"{SERVER_URL}?token={token()}") as connection:
                pause = FIRST_PAUSE
                await serve(connection)
                closed = connection.close_code
        except ConnectionClosed as problem:
            closed = problem.rcvd.code if problem.rcvd else None
        except (OSError, InvalidHandshake) as problem:
            closed = None
            log.warning("backend not reachable (%s)", type(problem).__name__)
        if closed == UNAUTHORIZED:
            log.error("the backend refused the token: JWT_SECRET differs between agent and server")
            return 1
        log.info("connecting again in %.1f s", pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(130)
