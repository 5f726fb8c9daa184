"""Each probe against real servers, also bad ones. A probe answers in words and never raises."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devstack.contract.connection import Endpoint
from devstack.host.base import Command, this_host
from devstack.probes import command, http, tcp
from tests.conftest import PATIENCE

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@asynccontextmanager
async def server(answer: bytes | None, *, hold: bool = False) -> AsyncIterator[Endpoint]:
    """Answers every request with these bytes; None: closes at once; `hold`: never answers."""
    released = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if answer is not None or hold:
                await reader.readuntil(b"\r\n\r\n")
            if hold:
                await released.wait()
            if answer:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = running.sockets[0].getsockname()[1]
    try:
        yield Endpoint(address="127.0.0.1", port=port)
    finally:
        released.set()
        running.close()
        await running.wait_closed()


def page(status: str = "200 OK", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def test_tcp_accepts_and_refuses(free_port: Callable[[], int]) -> None:
    async with server(page()) as endpoint:
        assert (await tcp.probe(endpoint)).ok
    answer = await tcp.probe(Endpoint(address="127.0.0.1", port=free_port()))
    assert not answer.ok
    assert "connection refused" in answer.detail


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (page("500 Internal Server Error"), "status 500"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (None, "without an answer"),
        (b"HTTP/1.1 2", "not HTTP"),
    ],
)
async def test_http_says_what_is_wrong(reply: bytes | None, expected: str) -> None:
    async with server(reply) as endpoint:
        answer = await http.probe(endpoint, "/health")
    assert not answer.ok
    assert expected in answer.detail or "reset" in answer.detail


async def test_http_gives_up_on_a_server_that_never_answers() -> None:
    async with server(None, hold=True) as endpoint:
        answer = await http.probe(endpoint, "/", timeout=0.05)
    assert answer.detail == "GET /: listens but does not answer in time"


@pytest.mark.parametrize(
    ("body", "is_ok"),
    [
        (b'{"status": "ok", "more": {"a": 1, "b": 2}}', True),
        (b'{"status": "starting", "more": {"a": 1}}', False),
        (b'{"status": "ok", "more": {"a": true}}', False),
        (b"<html>", False),
        (b"[]", False),
    ],
)
async def test_http_looks_into_the_json_answer(body: bytes, is_ok: bool) -> None:
    async with server(page(body=body)) as endpoint:
        answer = await http.probe(endpoint, "/", contains={"status": "ok", "more": {"a": 1}})
    assert answer.ok is is_ok
    assert "starting" not in answer.detail


async def test_http_reads_chunked_answers() -> None:
    chunked = (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a": 1,\r\n8\r\n "b": 2}\r\n0\r\n\r\n'
    )
    async with server(chunked) as endpoint:
        assert (await http.probe(endpoint, "/", contains={"a": 1, "b": 2})).ok


async def test_a_declared_status_is_the_only_right_one() -> None:
    async with server(page("204 No Content")) as endpoint:
        assert not (await http.probe(endpoint, "/", status=(200,))).ok
        assert (await http.probe(endpoint, "/", status=(200, 204))).ok


@pytest.mark.parametrize(
    ("text", "expected", "within"),
    [
        ("exit 0", "exited 0", PATIENCE),
        ("exit 3", "exited 3", PATIENCE),
        ("sleep 1000", "did not end within", 0.5),
    ],
)
async def test_a_command_answers_by_its_exit_code(text: str, expected: str, within: float) -> None:
    wanted = Command(argv=("sh", "-c", text), cwd=Path("/"), env={"PATH": os.environ["PATH"]})
    answer = await command.probe(this_host(secrets.token_hex(8)), wanted, shown=text, timeout=within)
    assert answer.ok is (text == "exit 0")
    assert expected in answer.detail


async def test_a_command_that_is_missing_cannot_be_waited_for() -> None:
    wanted = Command(argv=("surely-not-there",), cwd=Path("/"), env={})
    assert (await command.probe(this_host(secrets.token_hex(8)), wanted, shown="x")).fatal
