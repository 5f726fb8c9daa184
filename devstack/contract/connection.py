"""One TCP or TLS connection to an address, and its failures in plain words."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from devstack.contract.urls import bracketed
from devstack.records import dataclass

BUFFER = 32_768
"""Bytes of one line that are read at most; a longer one is no answer that anybody here wants."""

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to knock.

    Attributes:
        address: a host name or IP literal.
        host: what the Host header says; default: the address.
        verify: demand a certificate that is trusted: for requests that carry a token. Who merely asks who answers
            does not, because local certificates are self-signed.
    """

    address: str
    port: int
    host: str | None = None
    tls: bool = False
    verify: bool = False

    @property
    def name(self) -> str:
        """The host as a certificate and a Host header have it."""
        return self.host or self.address

    @property
    def host_header(self) -> str:
        """The Host header as a browser writes it."""
        return f"{bracketed(self.name)}:{self.port}"


@asynccontextmanager
async def connection(endpoint: Endpoint) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open and always close a connection. Raises what connecting raises; time limits are the caller's."""
    context = None
    if endpoint.tls:
        import ssl

        if endpoint.verify:
            context = ssl.create_default_context()
        else:  # without the system's certificates, which take 17 ms to load
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(
        endpoint.address,
        endpoint.port,
        ssl=context,
        server_hostname=endpoint.name if context else None,
        limit=BUFFER,
    )
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):  # no wait_for: Python 3.11's forgets a cancellation that comes as it ends
            async with asyncio.timeout(0.5):
                await writer.wait_closed()


async def accepts(endpoint: Endpoint, seconds: float) -> bool:
    """Whether a connection can be made within `seconds`."""
    try:
        async with asyncio.timeout(seconds), connection(endpoint):
            return True
    except OSError:
        return False


def in_words(problem: BaseException) -> str:
    """What a connection's failure means."""
    if isinstance(problem, TimeoutError):
        return "listens but does not answer in time"
    if isinstance(problem, asyncio.IncompleteReadError):
        return "closed the connection without a whole answer"
    if type(problem).__module__ == "ssl":
        return f"TLS failed: {getattr(problem, 'reason', None) or 'no TLS on this port'}"
    if isinstance(problem, OSError):
        return _WORDS.get(problem.errno or 0, problem.strerror or str(problem))
    return str(problem) or type(problem).__name__
