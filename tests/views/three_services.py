"""A run of three services in states of the test's choice."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from devstack.run.lifecycle import begin
from devstack.run.state import Condition, Need, Phase, RunState, ServiceState, Spec

SPECS = (
    Spec(name="server", gate=True, port=3001),
    Spec(name="agent", needs=(Need(service="server"),)),
    Spec(name="web", needs=(Need(service="agent", condition=Condition.STARTED),), port=5173, gate=True),
)


def state(**services: ServiceState) -> RunState:
    """Server, agent and web, some of them in another state than pending."""
    fresh = begin(SPECS)
    return replace(fresh, began_at=100.0, services=MappingProxyType({**fresh.services, **services}))


def ready(at: float, generation: int = 1) -> ServiceState:
    return ServiceState(phase=Phase.READY, since=at, generation=generation, started_at=at)
