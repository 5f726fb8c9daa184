"""What an open page goes through when its server is restarted: how its socket ends, and whether it gets in again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from devstack.contract.attempt import Answer
from devstack.contract.diagnosis import Diagnosis, Step
from devstack.contract.knock import Knock, knock
from devstack.contract.session import Session, Target
from devstack.records import replace

HOLD_SECONDS = 120.0
"""How long the page's socket is held open for the restart to end it."""
RETURN_SECONDS = 10.0
"""From the end of the restart until the socket must open again."""
PAUSE = 0.1


async def restarted(diagnosis: Diagnosis, target: Target, restart: Callable[[], object]) -> Diagnosis:
    """`diagnosis` with the steps `restart` and `reconnect`; a socket that stays shut makes the verdict.

    `restart` blocks until the service is ready again, and raises what is wrong with it.
    """
    began = time.perf_counter()
    ended = await _end_of_open_page(target, restart)
    found = await _back_in(target)
    took = (time.perf_counter() - began) * 1000
    detail = (
        "gets in again, with a new token"
        if found.is_open
        else f"{found.verdict.code}: {found.verdict.message}"
    )
    steps = (
        *diagnosis.steps,
        _ending(ended),
        Step(name="reconnect", ok=found.is_open, detail=detail, ms=took),
    )
    return replace(diagnosis, steps=steps, verdict=diagnosis.verdict if found.is_open else found.verdict)


async def _end_of_open_page(target: Target, restart: Callable[[], object]) -> Answer | None:
    """What a page that is open during the restart sees of it; None where its socket stays open."""
    opened = asyncio.Event()
    page = asyncio.create_task(Session(target).hold(HOLD_SECONDS, opened.set))
    is_open = asyncio.create_task(opened.wait())
    try:
        await asyncio.wait((page, is_open), return_when=asyncio.FIRST_COMPLETED)
        if page.done():
            return page.result()
        await asyncio.to_thread(restart)
        # A server that is gone has ended its sockets; the news may be a moment behind.
        await asyncio.wait((page,), timeout=PAUSE)
        return page.result() if page.done() else None
    finally:
        page.cancel()
        is_open.cancel()
        await asyncio.gather(page, is_open, return_exceptions=True)


async def _back_in(target: Target) -> Knock:
    """A page that tries again and again, until it is in or has no patience left."""
    until = time.monotonic() + RETURN_SECONDS
    while True:
        found = await knock(target)
        if found.is_open or time.monotonic() > until:
            return found
        await asyncio.sleep(PAUSE)


def _ending(ended: Answer | None) -> Step:
    """How the open socket learnt of it. 1001 and 1012 tell a page to come back; 1006 tells it nothing."""
    if ended is None:
        return Step(
            name="restart", ok=False, detail="the open socket was not closed: another process still has it"
        )
    if not ended.opened:
        return Step(
            name="restart", ok=False, detail=f"nothing was restarted: it did not open again ({ended.outcome})"
        )
    if ended.close_code is None:
        detail = "ended without a close frame: pages see 1006; close sockets with 1001 or 1012 on SIGTERM"
        return Step(name="restart", ok=None, detail=detail)
    return Step(
        name="restart", ok=True, detail=f"closed with {ended.close_code} {ended.close_reason}".strip()
    )
