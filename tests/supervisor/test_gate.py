"""Where a gate asks."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from devstack.host import listening
from devstack.stack.model import ProbeKind, Ready
from devstack.supervisor import gate
from devstack.supervisor.gate import Gate, SharedListening, Target


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """What this machine has is asked once for all."""
    gate._loopback.cache_clear()
    yield
    gate._loopback.cache_clear()


@pytest.mark.parametrize(("problem", "address"), [(None, "::1"), (errno.EADDRNOTAVAIL, "127.0.0.1")])
def test_a_listener_on_every_address_is_asked_where_this_machine_has_one(
    monkeypatch: pytest.MonkeyPatch, problem: int | None, address: str
) -> None:
    found = None if problem is None else OSError(problem, "")
    monkeypatch.setattr(listening, "_try_bind", lambda port, address: found)
    target = Target(service="web", ready=Ready(kind=ProbeKind.HTTP), members=tuple, port=3000)
    made = Gate(target, SharedListening(), lambda answer: None)
    assert [one.address for one in made._endpoints(["::"])] == [address]
