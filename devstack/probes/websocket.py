"""Does the service's WebSocket open for a client of this stack?"""

from __future__ import annotations

from devstack.contract.knock import knock
from devstack.contract.session import Target
from devstack.probes.base import Answer


async def probe(target: Target) -> Answer:
    """Connect once as `target` says. A refusal is `refused`; `settled` when the same question is pointless."""
    found = await knock(target)
    verdict = found.verdict
    if found.is_open:
        return Answer(ok=True, detail=f"WebSocket {verdict.message}")
    said = f"WebSocket: {verdict.code}: {verdict.message}"
    if found.excuse:
        return Answer(
            ok=True, detail="WebSocket not judged", note=f"{said}; not counted, because {found.excuse}"
        )
    return Answer(ok=False, detail=said, refused=True, settled=found.is_settled)
