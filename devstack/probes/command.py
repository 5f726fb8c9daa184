"""Does the declared command exit 0?"""

from __future__ import annotations

import asyncio
import os

from devstack.host.base import Command, Host, SpawnError
from devstack.probes.base import Answer

TIMEOUT = 10.0


async def probe(host: Host, command: Command, *, shown: str, timeout: float = TIMEOUT) -> Answer:
    """Run `command` once; right when it exits 0 within `timeout`. It is killed when it does not."""
    try:
        child = host.spawn(command)
    except SpawnError as problem:
        return Answer(ok=False, detail=f"`{shown}`: {problem.reason}", fatal=problem.is_missing)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(child.exit_handle, ended.set)
    try:
        async with asyncio.timeout(timeout):
            await ended.wait()
        ending = child.ending()
        if ending is not None and ending.code == 0:
            return Answer(ok=True, detail=f"`{shown}` exited 0")
        how = "was killed" if ending is None or ending.signal else f"exited {ending.code}"
        return Answer(ok=False, detail=f"`{shown}` {how}")
    except TimeoutError:
        return Answer(ok=False, detail=f"`{shown}` did not end within {timeout:g}s")
    finally:
        loop.remove_reader(child.exit_handle)
        child.signal("KILL")
        child.release()
        os.close(child.output)
