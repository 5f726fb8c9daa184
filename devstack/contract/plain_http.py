"""One bounded HTTP GET, without redirects, proxies and cookies: who answers on a port, how its health is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from devstack import foreign
from devstack.contract.connection import Endpoint, connection, in_words
from devstack.records import dataclass, field

BODY_LIMIT = 65_536
HEAD_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A response head and the beginning of its body.

    Attributes:
        status: None when the peer did not answer in HTTP; `problem` then says what happened.
        headers: names in lower case; the last of repeated ones.
        body: at most `limit` bytes, chunking removed.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""

    def json(self) -> object:
        """The body as JSON, or None when it is none."""
        return foreign.from_json(self.body)


async def get(
    endpoint: Endpoint,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = 2.0,
    limit: int = BODY_LIMIT,
) -> HttpAnswer:
    """GET `path`; every failure is an answer without status. Reads at most `limit` bytes of body."""
    try:
        async with asyncio.timeout(timeout):
            return await _exchange(endpoint, path, headers or {}, limit)
    except (OSError, asyncio.IncompleteReadError, ValueError) as problem:
        return HttpAnswer(status=None, problem=in_words(problem))


async def _exchange(endpoint: Endpoint, path: str, headers: Mapping[str, str], limit: int) -> HttpAnswer:
    fields = {
        "Host": endpoint.host_header,
        "Connection": "close",
        "Accept": "*/*",
        "User-Agent": "devstack",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    async with connection(endpoint) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        # Told from its first line: what is no HTTP server may never send a second one.
        status = _status(await reader.readline())
        found = await _headers(reader)
        return HttpAnswer(status=status, headers=found, body=await _body(reader, status, found, limit))


def _status(line: bytes) -> int:
    version, _, rest = line.partition(b" ")
    if not line:
        raise ValueError("closed the connection without an answer")
    code = rest.split(b" ", 1)[0].strip()
    if not version.startswith(b"HTTP/") or not code.isdigit() or len(code) != 3:
        raise ValueError("the answer is not HTTP")
    return int(code)


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    found: dict[str, str] = {}
    for _ in range(HEAD_LINES):
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        if not line.strip():
            return found
        name, _, value = line.decode("latin-1").partition(":")
        found[name.strip().lower()] = value.strip()
    raise ValueError("its answer has headers without end")


async def _body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str], limit: int) -> bytes:
    if status in (204, 304) or status < 200:
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader, limit)
    length = headers.get("content-length", "")
    wanted = min(int(length), limit) if length.isdigit() else limit
    body = bytearray()
    while len(body) < wanted:
        data = await reader.read(wanted - len(body))
        if not data:
            break
        body += data
    return bytes(body)


async def _chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = bytearray()
    while len(body) < limit:
        size = int((await reader.readline()).split(b";")[0].strip() or b"0", 16)
        if size <= 0:
            break
        part = min(size, limit - len(body))
        body += await reader.readexactly(part)
        if part < size:
            break
        await reader.readexactly(2)
    return bytes(body)
