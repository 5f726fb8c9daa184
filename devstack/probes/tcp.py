"""Does it accept a connection?"""

from __future__ import annotations

import asyncio

from devstack.contract.connection import Endpoint, connection, in_words
from devstack.probes.base import Answer

TIMEOUT = 0.3


async def probe(endpoint: Endpoint, timeout: float = TIMEOUT) -> Answer:
    """Connect once and hang up. A full accept queue times out: the server listens but does not accept."""
    try:
        async with asyncio.timeout(timeout):
            async with connection(endpoint):
                return Answer(ok=True, detail=f"accepts connections on port {endpoint.port}")
    except TimeoutError:
        return Answer(ok=False, detail=f"port {endpoint.port} listens but does not accept (hung)")
    except (OSError, ValueError) as problem:
        return Answer(ok=False, detail=f"port {endpoint.port}: {in_words(problem)}")
