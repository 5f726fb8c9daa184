"""One WebSocket connection seen from below: every status, header, byte and close code that a browser hides.

The WHATWG API shows a page one thing for a refused port, a wrong path, a refused token and a broken
handshake: an `error` event and close code 1006. This client keeps apart what happened. It never raises
for what a server does, and every wait and every buffer is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from devstack.contract.attempt import Answer, Outcome, Request
from devstack.contract.dialling import dial

CLOSE_SECONDS = 1.0
KEPT_BYTES = 4096
READ_BYTES = 65_536
MAX_MESSAGE = 1 << 20
MAX_READ = 8 << 20


def load() -> None:
    """Import what an attempt needs, for callers whose attempt is to take no longer than the network does."""
    import jwt  # noqa: F401 - tokens are minted beside it
    import websockets.client
    import websockets.extensions.permessage_deflate
    import websockets.uri  # noqa: F401


async def attempt(request: Request) -> Answer:
    """Connect, shake hands, watch, close politely. Returns what happened; raises only cancellation."""
    try:
        parts = urlsplit(request.url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme in ("wss", "https") else 80)
    except ValueError:
        return Answer(outcome=Outcome.BAD_URL, detail="not a URL")
    if not host or parts.scheme not in ("ws", "wss"):
        return Answer(outcome=Outcome.BAD_URL, detail="not a ws:// or wss:// URL with a host")
    started = time.perf_counter()
    answer, stream = await dial(request, host, port, tls=parts.scheme == "wss")
    answer.connect_ms = _ms(started)
    if stream is None:
        return answer
    reader, writer = stream
    try:
        await _converse(request, answer, reader, writer)
    except (OSError, asyncio.IncompleteReadError) as problem:
        _end_of_stream(answer, problem)
    finally:
        writer.close()
        with contextlib.suppress(OSError):  # no wait_for: see connection.py
            async with asyncio.timeout(CLOSE_SECONDS):
                await writer.wait_closed()
        writer.transport.abort()  # a peer that reads nothing keeps no buffer of ours
    return answer


async def _converse(
    request: Request, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """The conversation; what cannot even be sent (a fragment, characters no header may hold) is a bad URL."""
    from websockets.exceptions import WebSocketException

    try:
        await _Conversation(request, answer, reader, writer).run()
    except (ValueError, WebSocketException) as problem:
        answer.outcome, answer.detail = Outcome.BAD_URL, f"it cannot be asked for: {type(problem).__name__}"


class _Conversation:
    """The handshake and the watched time on one connected stream; fills `answer`."""

    def __init__(
        self, request: Request, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        from websockets.client import ClientProtocol
        from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
        from websockets.typing import Origin, Subprotocol
        from websockets.uri import parse_uri

        self._request, self._answer, self._reader, self._writer = request, answer, reader, writer
        self._raw = bytearray()
        self._received = 0
        self._pong = False
        self._opened_at = self._last_at = 0.0
        offered = [ClientPerMessageDeflateFactory(client_max_window_bits=True)] if request.deflate else None
        self._protocol = ClientProtocol(
            parse_uri(request.url),
            origin=None if request.origin is None else Origin(request.origin),
            subprotocols=[Subprotocol(name) for name in request.subprotocols] or None,
            extensions=offered,
            max_size=MAX_MESSAGE,
        )

    async def run(self) -> None:
        started = time.perf_counter()
        opening = self._protocol.connect()
        for name, value in self._request.headers.items():
            opening.headers[name] = value
        self._protocol.send_request(opening)
        await self._flush()
        try:
            async with asyncio.timeout(self._request.answer_timeout):
                await self._receive_answer()
        except TimeoutError:
            self._answer.outcome = self._outcome_of_raw() or Outcome.NO_ANSWER
        self._answer.answer_ms = _ms(started)
        if self._answer.opened:
            self._opened_at = self._last_at = time.perf_counter()
            if self._request.on_open is not None:
                self._request.on_open()
            try:
                await self._watch()
            finally:
                self._answer.open_seconds = self._answer.open_seconds or time.perf_counter() - self._opened_at

    async def _receive_answer(self) -> None:
        """Read until the handshake is decided."""
        from websockets.http11 import Response

        while self._protocol.handshake_exc is None:
            data = await self._reader.read(READ_BYTES)
            self._keep(data)
            if not data:
                self._protocol.receive_eof()
            elif not self._feed(data):
                break
            for event in self._protocol.events_received():
                if isinstance(event, Response):
                    self._note_response(event)
                else:
                    self._note_frame(event)
            if self._answer.status == 101 and self._protocol.handshake_exc is None:
                self._answer.outcome = Outcome.OPEN
                negotiated = self._protocol.subprotocol
                self._answer.subprotocol = None if negotiated is None else str(negotiated)
                self._answer.compressed = bool(self._protocol.extensions)
                return
            if not data:
                break
        self._judge_refusal()

    def _feed(self, data: bytes) -> bool:
        """Hand data to the protocol; False when the peer floods us."""
        if self._received >= MAX_READ:
            return False
        self._protocol.receive_data(data)
        return True

    def _keep(self, data: bytes) -> None:
        self._received += len(data)
        if len(self._raw) < KEPT_BYTES:
            self._raw += data[: KEPT_BYTES - len(self._raw)]

    def _note_response(self, response: object) -> None:
        from websockets.http11 import Response

        assert isinstance(response, Response)
        answer = self._answer
        answer.status, answer.reason = response.status_code, response.reason_phrase
        answer.headers = {name.lower(): value for name, value in response.headers.raw_items()}
        answer.body = bytes(response.body or b"")[:KEPT_BYTES]

    def _judge_refusal(self) -> None:
        answer = self._answer
        problem = self._protocol.handshake_exc
        if answer.status == 101:
            answer.outcome = Outcome.BAD_HANDSHAKE
            answer.detail = str(problem) if problem else "incomplete"
        elif answer.status is not None:
            answer.outcome = Outcome.STATUS
        elif (outcome := self._outcome_of_raw()) is not None:
            answer.outcome = outcome
        elif not self._raw:
            answer.outcome, answer.detail = Outcome.DROPPED, "the server closed without a byte"
        elif self._raw[0] in (0x15, 0x16):
            answer.outcome, answer.detail = Outcome.PLAIN_TO_TLS, "a TLS record came back"
        else:
            answer.outcome, answer.body = Outcome.NOT_HTTP, bytes(self._raw)
            answer.detail = "the answer is not HTTP"

    def _outcome_of_raw(self) -> Outcome | None:
        if not self._status_from_raw():
            return None
        return Outcome.BAD_HANDSHAKE if self._answer.status == 101 else Outcome.STATUS

    def _status_from_raw(self) -> bool:
        """Take the status line from the raw bytes where the protocol could not use the answer."""
        head, _, rest = bytes(self._raw).partition(b"\r\n\r\n")
        version, _, tail = head.split(b"\r\n", 1)[0].partition(b" ")
        code = tail[:3]
        if not version.startswith(b"HTTP/") or not code.isdigit():
            return False
        self._answer.status, self._answer.body = int(code), rest
        self._answer.reason = tail[4:].decode("latin-1")[:80]
        lines = head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        self._answer.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return True

    async def _watch(self) -> None:
        """Stay connected for the watched time, then close with 1000."""
        self._judge_frames()  # of the packet that the handshake came in
        first = self._request.first_message
        if first is not None and self._is_open():
            if isinstance(first, bytes):
                self._protocol.send_binary(first)
            else:
                self._protocol.send_text(first.encode())
            await self._flush()
        for _ in range(self._request.pings):
            await self._time_ping()
        await self._stay(self._opened_at + self._request.watch)
        now = time.perf_counter()
        self._answer.open_seconds = now - self._opened_at
        self._answer.silent_seconds = now - self._last_at
        if self._is_open():
            self._protocol.send_close(1000)
            await self._flush()
            await self._read(CLOSE_SECONDS)
            # What the server answers to our own close is no close of its own.
            self._answer.closed, self._answer.close_code, self._answer.close_reason = False, None, ""

    async def _stay(self, until: float) -> None:
        """Listen, silently or with a ping now and then."""
        while self._is_open() and (left := until - time.perf_counter()) > 0:
            await self._read(min(left, self._request.ping_every or left))
            if self._request.ping_every and self._is_open():
                self._protocol.send_ping(b"devstack")
                await self._flush()

    async def _time_ping(self) -> None:
        if not self._is_open():
            return
        self._pong = False
        started = time.perf_counter()
        self._protocol.send_ping(b"devstack")
        await self._flush()
        await self._read(1.0, until=lambda: self._pong)
        if self._pong:
            self._answer.pings_ms.append(_ms(started))

    def _is_open(self) -> bool:
        """Whether something may still be sent."""
        from websockets.protocol import State

        return not self._answer.closed and self._protocol.state is State.OPEN

    def _judge_frames(self) -> None:
        """A frame that breaks the protocol ends the socket of a page; one that only is too long for us does not."""
        from websockets.exceptions import PayloadTooBig

        problem = self._protocol.parser_exc
        if problem is None or isinstance(problem, EOFError | PayloadTooBig):
            return
        self._break(str(problem)[:80] or type(problem).__name__)

    def _break(self, why: str) -> None:
        self._answer.invalid = why
        self._answer.closed, self._answer.close_code = True, None

    async def _read(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Take what comes, at most so long; less when `until` holds or the server has closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not until() and not self._answer.closed:
                    data = await self._reader.read(READ_BYTES)
                    if data:
                        self._protocol.receive_data(data)
                    else:
                        self._protocol.receive_eof()
                        self._answer.closed = True
                    for event in self._protocol.events_received():
                        self._note_frame(event)
                    self._judge_frames()
                    self._note_traffic()
                    await self._flush()

    def _note_frame(self, event: object) -> None:
        from websockets.frames import Close, Frame, Opcode

        assert isinstance(event, Frame)
        if event.opcode is Opcode.TEXT and event.fin and not _is_utf8(event.data):
            self._break("text that is not UTF-8")
        elif event.opcode is Opcode.TEXT and len(self._answer.frames) < 20:
            self._answer.frames.append(bytes(event.data[:KEPT_BYTES]).decode("utf-8", "replace"))
        elif event.opcode is Opcode.BINARY and len(self._answer.data) < 20:
            self._answer.data.append(bytes(event.data[:KEPT_BYTES]))
        elif event.opcode is Opcode.PONG:
            self._pong = True
        elif event.opcode is Opcode.PING and len(self._answer.server_pings) < 100:
            self._answer.server_pings.append(time.perf_counter() - self._opened_at)
        elif event.opcode is Opcode.CLOSE:
            close = Close.parse(bytes(event.data))
            self._answer.closed, self._answer.close_code = True, close.code
            self._answer.close_reason = close.reason

    def _note_traffic(self) -> None:
        """Something was said. The end of the connection itself, and our answer to it, break no silence."""
        if not self._answer.closed:
            self._last_at = time.perf_counter()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._note_traffic()
                self._writer.write(data)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.drain()


def _end_of_stream(answer: Answer, problem: Exception) -> None:
    """A reset instead of an orderly end: before the answer it is a drop, after it a close without a frame."""
    if answer.outcome is Outcome.OPEN and answer.status == 101:
        answer.closed = True
    else:
        answer.outcome = Outcome.DROPPED
    answer.detail = type(problem).__name__


def _is_utf8(data: bytes | bytearray | memoryview) -> bool:
    try:
        bytes(data).decode()
    except UnicodeDecodeError:
        return False
    return True


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
