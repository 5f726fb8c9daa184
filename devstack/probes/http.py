"""One HTTP GET, without redirects, proxies or cookies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from devstack.contract import foreign_json
from devstack.probes.base import Answer, Endpoint
from devstack.probes.connection import connection, in_words

TIMEOUT = 1.0
BODY_LIMIT = 64 * 1024
DEFAULT_STATUS = range(200, 400)


async def probe(
    endpoint: Endpoint,
    path: str,
    *,
    status: Sequence[int] | None = None,
    contains: Mapping[str, object] | None = None,
    timeout: float = TIMEOUT,
) -> Answer:
    """GET `path`; right when the status is one of `status` and the JSON answer contains `contains`."""
    try:
        async with asyncio.timeout(timeout):
            code, body = await get(endpoint, path)
    except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError) as problem:
        return Answer(ok=False, detail=f"GET {path}: {in_words(problem)}")
    if code not in (DEFAULT_STATUS if status is None else status):
        wanted = "" if status is None else f", wanted {' or '.join(map(str, status))}"
        return Answer(ok=False, detail=f"GET {path}: status {code}{wanted}")
    missing = _missing(body, contains) if contains else None
    if missing:
        return Answer(ok=False, detail=f"GET {path}: status {code}, but {missing}")
    return Answer(ok=True, detail=f"GET {path}: status {code}")


async def get(endpoint: Endpoint, path: str) -> tuple[int, bytes]:
    """Status and at most 64 KiB of the body. Raises ValueError where the answer is not HTTP."""
    async with connection(endpoint) as (reader, writer):
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {endpoint.authority}\r\nAccept: */*\r\n"
            "User-Agent: devstack\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
        await writer.drain()
        first = await reader.readline()
        code = _status(first)
        headers: dict[str, str] = {}
        while (line := await reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await _body(reader, headers)
    return code, body


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    length = headers.get("content-length", "")
    limit = min(int(length), BODY_LIMIT) if length.isdigit() else BODY_LIMIT
    parts: list[bytes] = []
    while limit > 0 and (part := await reader.read(limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while len(body) < BODY_LIMIT:
        size = int((await reader.readline()).split(b";")[0].strip() or b"0", 16)
        if size == 0:
            break
        body += await reader.readexactly(min(size, BODY_LIMIT))
        if size > BODY_LIMIT:
            break
        await reader.readline()
    return body


def _status(line: bytes) -> int:
    parts = line.split()
    if not line:
        raise ValueError("closed the connection without an answer")
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit() or len(parts[1]) != 3:
        raise ValueError("the answer is not HTTP")
    return int(parts[1])


def _missing(body: bytes, wanted: Mapping[str, object]) -> str | None:
    """What the answer lacks, in words; values of the answer are not repeated."""
    answer = foreign_json.parse(body)
    if answer is None:
        return "the answer is not JSON"
    if not isinstance(answer, dict):
        return "the answer is not a JSON object"
    wrong = [key for key, value in wanted.items() if not _contains(answer.get(key), value)]
    return f"`{wrong[0]}` is not {wanted[wrong[0]]!r}" if wrong else None


def _contains(found: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, dict) and all(_contains(found.get(k), v) for k, v in wanted.items())
    return type(found) is type(wanted) and found == wanted
