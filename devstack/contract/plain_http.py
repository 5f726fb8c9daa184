"""One bounded HTTP request, without redirects and proxies: who answers on a port, how its health is."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import field

from devstack.contract import foreign_json
from devstack.records import dataclass

HEAD_LIMIT = 32_768


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
    problem: str | None = None

    def json(self) -> object:
        """The body as JSON, or None when it is none."""
        return foreign_json.parse(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to ask: `address` is a host name or IP literal, `host` what the Host header says."""

    address: str
    port: int
    host: str | None = None
    tls: bool = False

    @property
    def host_header(self) -> str:
        """The Host header as a browser writes it."""
        name = self.host or self.address
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"


async def get(
    endpoint: Endpoint,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = 2.0,
    limit: int = 65_536,
) -> HttpAnswer:
    """GET `path`; every failure is an answer without status. Reads at most `limit` bytes of body."""
    try:
        async with asyncio.timeout(timeout):
            return await _exchange(endpoint, path, headers or {}, limit)
    except TimeoutError:
        return HttpAnswer(status=None, problem="no answer in time")
    except ConnectionRefusedError:
        return HttpAnswer(status=None, problem="connection refused")
    except ssl.SSLError as problem:
        return HttpAnswer(status=None, problem=f"TLS: {problem.reason}")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as problem:
        return HttpAnswer(status=None, problem=type(problem).__name__)


async def _exchange(endpoint: Endpoint, path: str, headers: Mapping[str, str], limit: int) -> HttpAnswer:
    context = None
    if endpoint.tls:
        context = ssl.create_default_context()
        # Who answers is asked here, not whether to trust it: nothing secret is sent.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(
        endpoint.address, endpoint.port, ssl=context, limit=HEAD_LIMIT
    )
    try:
        fields = {"Host": endpoint.host_header, "Connection": "close", "Accept": "*/*", **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        head = await reader.readuntil(b"\r\n\r\n")
        status, found = _parse_head(head)
        return HttpAnswer(status=status, headers=found, body=await _body(reader, status, found, limit))
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 0.5)


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/") or not rest[:3].isdigit():
        raise ValueError("not HTTP")
    pairs = (line.partition(":") for line in lines[1:] if ":" in line)
    return int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}


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
