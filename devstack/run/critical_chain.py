"""What the time until everything was ready was spent on: services that each waited for the one before."""

from __future__ import annotations

from devstack.records import dataclass
from devstack.run.state import Phase, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One service of the chain; `seconds` from the moment it could start until it was ready."""

    service: str
    seconds: float


def critical_chain(state: RunState) -> tuple[Link, ...]:
    """First to last: from the start of the run to the service that was ready last. Reads `since` of each."""
    done = {
        name: one.since
        for name, one in state.services.items()
        if one.phase in (Phase.READY, Phase.COMPLETED) and one.generation > 0
    }
    if not done:
        return ()
    name = max(done, key=lambda each: done[each])
    chain: list[Link] = []
    while name:
        before = [need.service for need in state.specs[name].needs if need.service in done]
        previous = max(before, key=lambda each: done[each], default="")
        began = done[previous] if previous else state.began_at
        chain.insert(0, Link(service=name, seconds=max(0.0, done[name] - began)))
        name = previous
    return tuple(chain)
