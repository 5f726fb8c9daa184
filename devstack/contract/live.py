"""Answers of running services, asked once each and only when a rule wants them.

Only loopback is asked; a service whose address lies elsewhere has no live facts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from devstack.contract import targets, urls
from devstack.contract.connection import Endpoint, accepts
from devstack.contract.diagnosis import Diagnosis, diagnose
from devstack.contract.members import Facts
from devstack.contract.plain_http import HttpAnswer, get
from devstack.errors import UsageError
from devstack.records import dataclass, field, replace
from devstack.stack.model import ProbeKind, Service

LOOPBACK = ("127.0.0.1", "::1")
CONNECT_SECONDS = 1.0
HEALTH_SECONDS = 3.0


@dataclass(kw_only=True, repr=False)
class LiveFacts:
    """What running services say.

    Attributes:
        stranger: who listens on a port of a service, when that is certainly not the service.
    """

    facts: Facts
    stranger: Callable[[Service], str | None] = field(default=lambda _: None)
    _diagnoses: dict[str, Diagnosis | None] = field(default_factory=dict)
    _health: dict[str, HttpAnswer | None] = field(default_factory=dict)
    _up: dict[str, bool] = field(default_factory=dict)

    def is_listening(self, service: Service) -> bool:
        """Whether something accepts connections on the service's main port, on either loopback address."""
        if service.name not in self._up:
            self._up[service.name] = service.port is not None and any(
                asyncio.run(accepts(Endpoint(address=address, port=service.port), CONNECT_SECONDS))
                for address in LOOPBACK
            )
        return self._up[service.name]

    def diagnosis(self, service: Service) -> Diagnosis | None:
        """The WebSocket diagnosis; None where no socket is declared or it must not be probed from here."""
        if service.name not in self._diagnoses:
            self._diagnoses[service.name] = self._diagnose(service)
        return self._diagnoses[service.name]

    def _diagnose(self, service: Service) -> Diagnosis | None:
        if service.websocket is None or not service.websocket.probe:
            return None
        try:
            target = targets.for_service(self.facts, service.name)
        except UsageError:
            return None
        if not urls.is_loopback(urlsplit(target.url).hostname or ""):
            return None
        return asyncio.run(diagnose(replace(target, holder=self.stranger(service))))

    def health(self, service: Service) -> HttpAnswer | None:
        """The answer of the declared health path; None where none is declared or nothing answers."""
        if service.name not in self._health:
            self._health[service.name] = self._ask_health(service)
        return self._health[service.name]

    def _ask_health(self, service: Service) -> HttpAnswer | None:
        ready = service.ready
        if ready is None or ready.kind is not ProbeKind.HTTP or service.port is None:
            return None
        for address in LOOPBACK:
            endpoint = Endpoint(address=address, port=service.port, host="localhost", tls=service.tls)
            answer = asyncio.run(get(endpoint, ready.target, timeout=HEALTH_SECONDS))
            if answer.status is not None:
                return answer
        return None
