"""The agent: connects with a token of its own, says when it is registered, answers every message."""

import asyncio
import os
import time

import jwt
from dotenv import load_dotenv
from websockets.asyncio.client import connect

load_dotenv()


def address() -> str:
    """The backend's address with a fresh token."""
    claims = {"sub": "agent", "role": "agent", "exp": int(time.time()) + 3600}
    return f"{os.environ['WS_URL']}?token={jwt.encode(claims, os.environ['JWT_SECRET'], algorithm='HS256')}"


async def main() -> None:
    async with connect(address()) as connection:
        print("registered worker", flush=True)
        async for message in connection:
            await connection.send(f"you said: {message}")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
