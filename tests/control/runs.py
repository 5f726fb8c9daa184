"""A run for the tests of its server: a hub whose state the test moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from devstack.run.events import Event, ServiceReady
from devstack.run.facts import Fact
from devstack.run.hub import Hub
from devstack.run.lifecycle import begin
from devstack.run.state import Need, Phase, ServiceState, Spec

SPECS = (Spec(name="server", gate=True, port=3001), Spec(name="web", needs=(Need(service="server"),)))


class Run:
    """A hub, the facts posted to it, and a way to move services."""

    def __init__(self) -> None:
        self.hub = Hub(time.time)
        self.hub.state = begin(SPECS)
        self.posted: list[Fact] = []
        self.react: Callable[[Fact], None] = lambda fact: None
        self.hub.connect(self._accept)

    def _accept(self, fact: Fact) -> None:
        self.posted.append(fact)
        self.react(fact)

    def move(self, name: str, phase: Phase, event: Event | None = None, generation: int = 1) -> None:
        service = ServiceState(phase=phase, generation=generation, since=time.time(), started_at=1.0)
        services = MappingProxyType({**self.hub.state.services, name: service})
        self.hub.publish(event or ServiceReady(service=name), replace(self.hub.state, services=services))
