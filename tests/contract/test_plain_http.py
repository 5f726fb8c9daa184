"""One HTTP request to servers that misbehave: bounded in time and memory, never an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from devstack.contract.connection import Endpoint
from devstack.contract.plain_http import HttpAnswer, get
from tests.contract.hostile import Server, answering, endless, serving
from tests.port_programs import has_ipv6
from tests.servers.tls import certificate

MEGABYTE = 1 << 20
GIGABYTE = 1 << 30


def fetch(
    handle: Callable[..., Awaitable[None]],
    *,
    tls: bool = False,
    limit: int = 1000,
    listen_on: str = "127.0.0.1",
    patience: float = 30.0,
) -> tuple[HttpAnswer, Server]:
    async def run() -> tuple[HttpAnswer, Server]:
        async with serving(handle, host=listen_on) as server:
            endpoint = Endpoint(address=listen_on, port=server.port, host="localhost", tls=tls)
            return await get(endpoint, "/health", timeout=patience, limit=limit), server

    return asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"220 mail.example ESMTP\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_what_is_no_whole_answer_is_a_problem_without_a_status(answer: bytes) -> None:
    found, _ = fetch(answering(answer))
    assert found.status is None
    assert found.problem


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
    ],
)
def test_the_body_ends_where_its_framing_or_the_connection_says(answer: bytes) -> None:
    found, _ = fetch(answering(answer))
    assert (found.status, found.body) == (200, b"abc")


@pytest.mark.parametrize(
    "prefix",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n",
    ],
    ids=["length", "until-end", "one-chunk"],
)
def test_a_body_of_a_gigabyte_is_cut_at_the_limit(prefix: bytes) -> None:
    found, server = fetch(endless(prefix, b"x" * MEGABYTE, limit=GIGABYTE))
    assert (found.status, len(found.body)) == (200, 1000)
    assert server.sent < 64 * MEGABYTE


def test_headers_without_end_are_given_up() -> None:
    found, server = fetch(
        endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"y" * 5000 + b"\r\n", limit=GIGABYTE)
    )
    assert found.status is None
    assert server.sent < 64 * MEGABYTE


def test_one_byte_now_and_then_is_no_answer_in_time() -> None:
    found, _ = fetch(endless(b"HTTP/1.1 200 OK\r\n", b"X", limit=1000, pause=0.1), patience=0.5)
    assert found.problem == "listens but does not answer in time"


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    found, server = fetch(answering(b"HTTP/1.1 302 Found\r\nLocation: /health\r\nContent-Length: 0\r\n\r\n"))
    assert (found.status, found.headers["location"]) == (302, "/health")
    assert server.connections == 1


def test_tls_to_a_plain_port_is_a_problem() -> None:
    async def refuse(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    found, _ = fetch(refuse, tls=True)
    assert found.status is None and found.problem


@pytest.mark.parametrize(("verify", "status"), [(False, 204), (True, None)])
def test_only_who_sends_a_token_demands_a_trusted_certificate(
    tmp_path: Path, verify: bool, status: int | None
) -> None:
    async def run() -> HttpAnswer:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=certificate(tmp_path)) as server:
            port = server.sockets[0].getsockname()[1]
            endpoint = Endpoint(address="127.0.0.1", port=port, host="localhost", tls=True, verify=verify)
            return await get(endpoint, "/")

    found = asyncio.run(run())
    assert found.status == status
    assert ("TLS failed" in found.problem) is verify


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_server_on_ipv6_alone_is_reached() -> None:
    found, server = fetch(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), listen_on="::1")
    assert found.status == 204
    assert f"Host: localhost:{server.port}".encode() in server.requests[0]


def test_nobody_there_is_said_as_refused(free_port: Callable[[], int]) -> None:
    found = asyncio.run(get(Endpoint(address="127.0.0.1", port=free_port()), "/"))
    assert found.problem == "connection refused"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_none(body: bytes) -> None:
    assert HttpAnswer(status=200, body=body).json() is None
