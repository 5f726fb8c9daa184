"""From a URL's host to a connected stream: names, addresses, TCP and TLS, each failure by its own name."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import NoReturn

from devstack.contract.attempt import AddressTried, Answer, Outcome, Request
from devstack.contract.connection import Endpoint, accepts

TCP_SECONDS = 0.5
MAX_BUFFER = 8 << 20
LOCALHOST = "localhost"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _NotConnectedError(Exception):
    """Connecting to one address ended as `outcome`."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


async def dial(request: Request, host: str, port: int, *, tls: bool) -> tuple[Answer, Stream | None]:
    """Connect to the first address of `host` that answers; without a stream the answer says why there is none."""
    addresses = request.addresses or await _resolve(host, port, request.connect_timeout)
    if not addresses:
        return Answer(outcome=Outcome.UNKNOWN_HOST, detail=f"{host} has no address"), None
    tried: list[AddressTried] = []
    details: dict[Outcome, str] = {}
    for address in addresses:
        stream, outcome, detail = None, Outcome.OPEN, ""
        try:
            stream = await _connect(address, port, host if tls else None, request.connect_timeout)
        except _NotConnectedError as problem:
            outcome, detail = problem.outcome, problem.detail
        tried.append(AddressTried(address=address, outcome=outcome))
        details[outcome] = detail
        if stream is not None or outcome in _ANSWERED:
            answer = Answer(outcome=outcome, tried=tuple(tried), detail=detail, peer=(address, port))
            return answer, stream
    outcome = next((one for one in _SAYS_MORE if one in details), outcome)
    return Answer(outcome=outcome, tried=tuple(tried), detail=details[outcome]), None


# An address that hangs says more than one where nobody listens, and that more than one that this machine has not.
_SAYS_MORE = (Outcome.CONNECT_TIMEOUT, Outcome.REFUSED)
# Somebody was there, so trying the host's next address would only hide what this one said.
_ANSWERED = frozenset({Outcome.TLS_TO_PLAIN, Outcome.TLS_CERTIFICATE, Outcome.TLS_FAILED})


async def _resolve(host: str, port: int, timeout: float) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        found = []
    addresses = [str(entry[4][0]) for entry in found]
    if host.rstrip(".").lower() == LOCALHOST or host.endswith(f".{LOCALHOST}"):
        # Loopback on both families to every browser, whatever the resolver says.
        addresses += ["::1", "127.0.0.1"]
    return list(dict.fromkeys(addresses))


async def _connect(address: str, port: int, tls_host: str | None, timeout: float) -> Stream:
    """A stream to one address; raises _NotConnectedError."""
    context = ssl.create_default_context() if tls_host else None
    if context:
        # Without ALPN an h2-only proxy may answer; a browser asks for http/1.1 here.
        context.set_alpn_protocols(["http/1.1"])
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.open_connection(
                address, port, ssl=context, server_hostname=tls_host, limit=MAX_BUFFER
            )
    except TimeoutError:
        endpoint = Endpoint(address=address, port=port)
        if tls_host is not None and await accepts(endpoint, TCP_SECONDS):
            raise _NotConnectedError(Outcome.TLS_FAILED, "no answer to the TLS handshake") from None
        raise _NotConnectedError(Outcome.CONNECT_TIMEOUT, "no answer to the connection request") from None
    except OSError as problem:
        _fail(problem, tls=tls_host is not None)


def _fail(problem: OSError, *, tls: bool) -> NoReturn:
    """What `problem` means for the diagnosis, as _NotConnectedError."""
    if isinstance(problem, ConnectionRefusedError):
        raise _NotConnectedError(Outcome.REFUSED, "connection refused") from None
    if isinstance(problem, ssl.SSLCertVerificationError):
        raise _NotConnectedError(Outcome.TLS_CERTIFICATE, problem.verify_message) from None
    if isinstance(problem, ssl.SSLError):
        reason = str(problem.reason or "TLS failed")
        plain = "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason
        raise _NotConnectedError(Outcome.TLS_TO_PLAIN if plain else Outcome.TLS_FAILED, reason) from None
    # A TLS client whose peer hangs up during the handshake ends here as well.
    ended = tls and isinstance(problem, ConnectionError)
    outcome = Outcome.TLS_FAILED if ended else Outcome.UNREACHABLE
    raise _NotConnectedError(outcome, problem.strerror or "unreachable") from None
