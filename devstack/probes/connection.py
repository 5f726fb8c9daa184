"""One TCP (or TLS) connection with a time limit, and its failures in plain words."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from devstack.probes.base import Endpoint

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
}


@asynccontextmanager
async def connection(endpoint: Endpoint) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open and always close a connection. Certificates are not checked: local ones are self-signed."""
    context = None
    if endpoint.tls:
        import ssl

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(
        endpoint.address,
        endpoint.port,
        ssl=context,
        server_hostname=endpoint.host if context else None,
    )
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):  # no wait_for: Python 3.11's forgets a cancellation that comes as it ends
            async with asyncio.timeout(0.5):
                await writer.wait_closed()


def in_words(problem: BaseException) -> str:
    """What a connection's failure means."""
    if isinstance(problem, TimeoutError):
        return "listens but does not answer in time"
    if isinstance(problem, asyncio.IncompleteReadError):
        return "closed the connection without an answer"
    if type(problem).__module__ == "ssl":
        return f"TLS failed: {getattr(problem, 'reason', None) or 'no TLS on this port'}"
    if isinstance(problem, OSError):
        return _WORDS.get(problem.errno or 0, problem.strerror or str(problem))
    return str(problem) or type(problem).__name__
