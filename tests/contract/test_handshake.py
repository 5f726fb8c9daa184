"""One WebSocket attempt against servers that misbehave: bounded in time and memory, never an exception."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable

import pytest

from devstack.contract.attempt import Answer, Outcome, Request
from devstack.contract.codes import Code
from devstack.contract.diagnosis import Diagnosis, diagnose
from devstack.contract.handshake import attempt
from devstack.contract.session import Target
from tests.contract.hostile import Server, after_upgrade, answering, endless, head, serving, upgraded
from tests.port_programs import has_ipv6

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
MEGABYTE = 1 << 20
GIGABYTE = 1 << 30


def ask(
    handle: Callable[..., Awaitable[None]],
    *,
    scheme: str = "ws",
    host: str = "127.0.0.1",
    listen_on: str = "127.0.0.1",
    path: str = "/ws",
    first_message: str | None = None,
    pings: int = 0,
    patience: float = 30.0,
) -> tuple[Answer, Server]:
    """One attempt; `patience` is short where an answer never comes."""

    async def run() -> tuple[Answer, Server]:
        async with serving(handle, host=listen_on) as server:
            request = Request(
                url=f"{scheme}://{host}:{server.port}{path}",
                connect_timeout=patience,
                answer_timeout=patience,
                watch=0.1,
                first_message=first_message,
                pings=pings,
            )
            return await attempt(request), server

    return asyncio.run(run())


def frame(opcode: int, payload: bytes, *, fin: bool = True, rsv1: bool = False) -> bytes:
    first = (0x80 if fin else 0) | (0x40 if rsv1 else 0) | opcode
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    return bytes([first, 127]) + struct.pack("!Q", len(payload)) + payload


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"220 mail.example ESMTP\r\n", Outcome.NOT_HTTP),
        (b"\x00\xff\xfe\xfd" * 50, Outcome.NOT_HTTP),
        (b"", Outcome.DROPPED),
        (b"\x15\x03\x01\x00\x02\x02\x46", Outcome.PLAIN_TO_TLS),
        (b"HTTP/1.1 xyz\r\n\r\n", Outcome.NOT_HTTP),
        (b"HTTP/9.9 101 \r\n\r\n", Outcome.BAD_HANDSHAKE),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", Outcome.STATUS),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 99999999999999999999\r\n\r\nx", Outcome.STATUS),
        (b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Outcome.STATUS),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Outcome.BAD_HANDSHAKE),
        (b"HTTP/1.1 403 " + b"\xff" * 300 + b"\r\n\r\n", Outcome.STATUS),
    ],
)
def test_an_answer_of_any_bytes_has_an_outcome(answer: bytes, outcome: Outcome) -> None:
    seen, _ = ask(answering(answer))
    assert seen.outcome is outcome
    assert seen.browser_code == 1006


def test_a_body_of_a_gigabyte_is_not_read() -> None:
    prefix = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
    seen, server = ask(endless(prefix, b"x" * MEGABYTE, limit=GIGABYTE))
    assert (seen.outcome, seen.status) == (Outcome.STATUS, 200)
    assert len(seen.body) <= 4096
    assert server.sent < 64 * MEGABYTE


def test_headers_without_end_are_given_up() -> None:
    line = b"X-Filler: " + b"y" * 1000 + b"\r\n"
    seen, server = ask(endless(b"HTTP/1.1 200 OK\r\n", line * 100, limit=GIGABYTE))
    assert seen.outcome is Outcome.STATUS
    assert server.sent < 64 * MEGABYTE


def test_a_status_line_without_end_is_given_up() -> None:
    seen, server = ask(endless(b"HTTP/1.1 200 ", b"z" * 65_536, limit=GIGABYTE))
    assert not seen.opened
    assert server.sent < 64 * MEGABYTE


def test_one_byte_now_and_then_is_no_answer() -> None:
    seen, _ = ask(endless(b"", b"H", limit=1000, pause=0.1), patience=0.5)
    assert seen.outcome is Outcome.NO_ANSWER


def test_a_status_that_came_counts_although_the_rest_never_does() -> None:
    seen, _ = ask(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nab", stay=True), patience=2)
    assert (seen.outcome, seen.status) == (Outcome.STATUS, 403)


def test_a_reset_instead_of_an_answer_is_a_drop() -> None:
    async def reset(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await reader.read(1)

    assert ask(reset)[0].outcome is Outcome.DROPPED


def test_a_redirect_is_not_followed() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: /ws\r\nContent-Length: 0\r\n\r\n"
    seen, server = ask(answering(answer))
    assert seen.status == 302
    assert server.connections == 1


def test_wss_to_a_plain_port_is_told_apart() -> None:
    seen, _ = ask(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="wss", host="localhost", patience=2)
    assert seen.outcome in (Outcome.TLS_TO_PLAIN, Outcome.TLS_FAILED)


@pytest.mark.parametrize(
    "frames",
    [
        frame(0x3, b"reserved opcode"),
        frame(0x1, b"compressed without an agreement", rsv1=True),
        frame(0x0, b"continues nothing"),
        frame(0x1, b"\xff\xfe not utf-8"),
        frame(0x8, struct.pack("!H", 1006)),
        frame(0x8, struct.pack("!H", 1005)),
        frame(0x8, b"\x03"),
        frame(0x9, b"p" * 126),
        bytes([0x81, 0x85]) + b"mask" + b"hello",
    ],
    ids=["opcode", "rsv", "continuation", "utf8", "1006", "1005", "short-close", "long-ping", "masked"],
)
def test_frames_that_break_the_protocol_end_the_socket_as_in_a_browser(frames: bytes) -> None:
    seen, _ = ask(after_upgrade(frames), first_message="hello", pings=2)
    assert seen.opened and seen.invalid
    assert (seen.closed, seen.browser_code) == (True, 1006)


def test_fragments_are_one_message_and_control_frames_may_come_between() -> None:
    frames = frame(0x1, b"one, ", fin=False) + frame(0x9, b"ping") + frame(0x0, b"two")
    seen, _ = ask(after_upgrade(frames))
    assert seen.opened and not seen.closed


def test_a_compressed_message_is_read_when_it_was_agreed() -> None:
    press = zlib.compressobj(wbits=-15)
    packed = press.compress(b'{"type":"connected"}') + press.flush(zlib.Z_SYNC_FLUSH)
    headers = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    seen, _ = ask(after_upgrade(frame(0x1, packed[:-4], rsv1=True), headers=headers))
    assert seen.frames == ['{"type":"connected"}']


def test_a_frame_that_claims_a_terabyte_takes_no_memory() -> None:
    seen, _ = ask(after_upgrade(bytes([0x82, 127]) + struct.pack("!Q", 1 << 40)))
    assert seen.opened
    assert not seen.invalid


def test_a_flood_of_messages_is_cut_short() -> None:
    seen, _ = ask(after_upgrade(frame(0x1, b"m" * 5000) * 400))
    assert seen.opened
    assert len(seen.frames) == 20
    assert all(len(one) <= 4096 for one in seen.frames)


def test_a_close_in_the_same_packet_as_the_handshake_is_a_close() -> None:
    close = frame(0x8, struct.pack("!H", 4401) + b"who are you")
    seen, _ = ask(after_upgrade(close), first_message="hello", pings=3)
    assert (seen.opened, seen.closed, seen.close_code, seen.close_reason) == (True, True, 4401, "who are you")


def test_a_close_without_a_code_is_1005_for_a_page() -> None:
    seen, _ = ask(after_upgrade(frame(0x8, b"")))
    assert seen.browser_code == 1005


def test_a_server_that_never_answers_the_close_does_not_hold_us() -> None:
    seen, _ = ask(after_upgrade(b""))
    assert seen.opened and not seen.closed


@needs_ipv6
def test_the_address_that_answers_is_used_whichever_family_it_is() -> None:
    for listen_on in ("127.0.0.1", "::1"):
        seen, _ = ask(after_upgrade(b""), host="localhost", listen_on=listen_on)
        assert seen.opened
        assert seen.peer is not None and seen.peer[0] == listen_on


def test_an_address_that_cannot_be_reached_from_here_does_not_hide_that_nobody_listens(
    free_port: Callable[[], int],
) -> None:
    nowhere = "fe80::1"  # of no link in particular; as ::1 is for a machine without IPv6
    request = Request(url=f"ws://localhost:{free_port()}/", addresses=("127.0.0.1", nowhere))
    assert asyncio.run(attempt(request)).outcome is Outcome.REFUSED


@needs_ipv6
def test_an_ipv6_literal_can_be_asked() -> None:
    assert ask(after_upgrade(b""), host="[::1]", listen_on="::1")[0].opened


@pytest.mark.parametrize(
    "url",
    ["ws://", "http://localhost/", "ws://localhost:99999/", "ws://[::1/", "ws://localhost:x/", ""],
)
def test_what_is_no_websocket_url_is_said_to_be_none(url: str) -> None:
    assert asyncio.run(attempt(Request(url=url))).outcome is Outcome.BAD_URL


def test_a_host_that_does_not_exist_is_unknown() -> None:
    request = Request(url=f"ws://{'a' * 70}.invalid/", connect_timeout=1.0)
    assert asyncio.run(attempt(request)).outcome is Outcome.UNKNOWN_HOST


def test_what_no_header_may_hold_is_a_bad_request_of_ours() -> None:
    async def run() -> Answer:
        async with serving(after_upgrade(b"")) as server:
            return await attempt(Request(url=f"ws://127.0.0.1:{server.port}/#part", origin="http://\u4e2d"))

    assert asyncio.run(run()).outcome is Outcome.BAD_URL


def test_a_tls_server_whose_handshake_never_ends_is_given_up() -> None:
    async def mute(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    seen, _ = ask(mute, scheme="wss", patience=0.5)
    assert seen.outcome is Outcome.TLS_FAILED


def test_compression_that_breaks_is_told_from_a_broken_server_by_a_connection_without_it() -> None:
    async def broken(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await head(server, reader)
        offered = b"permessage-deflate" in request
        headers = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if offered else b""
        frames = frame(1, b"\xff\xff not deflated", rsv1=True) if offered else frame(1, b"hello")
        writer.write(upgraded(request, headers) + frames)
        await writer.drain()
        await asyncio.Event().wait()

    async def run() -> Diagnosis:
        async with serving(broken) as server:
            return await diagnose(Target(url=f"ws://127.0.0.1:{server.port}/"))

    found = asyncio.run(run())
    assert found.verdict.code is Code.HANDSHAKE_INVALID
    assert "without permessage-deflate it works" in found.verdict.message
