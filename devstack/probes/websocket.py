"""One plain WebSocket upgrade: does the server switch protocols?"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Mapping

from devstack.probes.base import Answer, Endpoint
from devstack.probes.connection import connection, in_words

TIMEOUT = 1.0
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"  # a masked close frame with code 1000


async def probe(
    endpoint: Endpoint,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    status: int = 101,
    timeout: float = TIMEOUT,
) -> Answer:
    """Ask for an upgrade of `path`; right when the answer has `status` (101: with the right accept key)."""
    try:
        async with asyncio.timeout(timeout):
            code, accepted = await _upgrade(endpoint, path, headers or {})
    except TimeoutError:
        return Answer(ok=False, detail=f"upgrade of {path}: no answer (is this a dev server's port?)")
    except (OSError, ValueError, asyncio.IncompleteReadError) as problem:
        return Answer(ok=False, detail=f"upgrade of {path}: {in_words(problem)}")
    if code != status:
        return Answer(ok=False, detail=f"upgrade of {path}: status {code}, wanted {status}")
    if code == 101 and not accepted:
        return Answer(ok=False, detail=f"upgrade of {path}: status 101 with a wrong Sec-WebSocket-Accept")
    return Answer(ok=True, detail=f"upgrade of {path}: status {code}")


async def _upgrade(endpoint: Endpoint, path: str, headers: Mapping[str, str]) -> tuple[int, bool]:
    key = base64.b64encode(os.urandom(16))
    expected = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()).decode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {endpoint.authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n"
    )
    async with connection(endpoint) as (reader, writer):
        writer.write(request.encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        parts = head[0].split()
        if len(parts) < 2 or not parts[0].startswith("HTTP/") or not parts[1].isdigit():
            raise ValueError("the answer is not HTTP")
        pairs = (line.partition(":") for line in head[1:])
        found = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if parts[1] == "101":
            writer.write(_CLOSE)
        return int(parts[1]), found.get("sec-websocket-accept") == expected
