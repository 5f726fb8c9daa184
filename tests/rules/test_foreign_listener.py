"""Who answers on a service's port while the stack runs; the machine's answers are given by a fake host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devstack.host.model import Holder, HolderClass, PortState
from devstack.host.status import PortStatus
from devstack.rules import engine
from devstack.rules.base import Finding, Needs
from devstack.rules.catalogue import CATALOGUE
from devstack.rules.inspection import Inspection
from devstack.rules.machine import RealHost

STACK = """\
name = "two"
[services.ws]
type = "command"
command = "python main.py"
port = 3001
[services.web]
type = "command"
command = "python page.py"
port = 3002
"""
UP = {"ws": (3001,), "web": (3002,)}


@dataclass
class Machine(RealHost):
    """Who listens on port 3001, as (class, service, address), and what a living run says is up."""

    listen: Sequence[tuple[HolderClass, str | None, str]] = ()
    up: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def ports(self, numbers: Sequence[int], root: Path) -> Sequence[PortStatus]:
        holders = tuple(
            Holder(
                pid=4000 + index,
                started_at=1.0,
                command="node server.js",
                user="me",
                cwd="elsewhere",
                address=address,
                holder_class=whose,
                service=service,
            )
            for index, (whose, service, address) in enumerate(self.listen)
        )
        is_ours = all(whose is HolderClass.OURS for whose, *_ in self.listen)
        state = PortState.OURS if is_ours else PortState.HELD
        held = PortStatus(port=3001, state=state if holders else PortState.FREE, holders=holders)
        return [
            held if number == 3001 else PortStatus(port=number, state=PortState.FREE) for number in numbers
        ]

    def ports_of_run(self, root: Path) -> Mapping[str, tuple[int, ...]]:
        return self.up


@pytest.fixture
def look(inspected: Callable[..., Inspection]) -> Callable[[Machine], list[Finding]]:
    def run(machine: Machine) -> list[Finding]:
        inspection = inspected({"stack.toml": STACK})
        inspection.host = machine
        chosen = frozenset(("port-held", "foreign-listener"))
        choice = engine.Choice(select=chosen, needs=frozenset((Needs.FILES, Needs.HOST)))
        return list(engine.run(inspection, CATALOGUE, choice).findings)

    return run


Look = Callable[[Machine], list[Finding]]
FOREIGN, SAME, OURS = HolderClass.FOREIGN, HolderClass.SAME_REPO, HolderClass.OURS


@pytest.mark.parametrize("whose", [FOREIGN, SAME, HolderClass.ANCESTOR])
def test_a_stranger_on_the_port_of_a_running_service_is_an_error_and_said_once(
    look: Look, whose: HolderClass
) -> None:
    (found,) = look(Machine(listen=[(whose, None, "127.0.0.1")], up=UP))
    assert found.rule == "foreign-listener"
    assert "pid 4000" in found.message and "node server.js" in found.message
    assert [(place.path, place.line) for place in found.locations] == [("stack.toml", 5)]


def test_another_service_of_the_stack_is_a_stranger(look: Look) -> None:
    (found,) = look(Machine(listen=[(OURS, "web", "127.0.0.1")], up=UP))
    assert found.rule == "foreign-listener"
    assert "service `web`" in found.message


@pytest.mark.parametrize("whose", [FOREIGN, SAME])
def test_a_server_started_by_hand_is_only_a_held_port(look: Look, whose: HolderClass) -> None:
    (found,) = look(Machine(listen=[(whose, None, "127.0.0.1")]))
    assert found.rule == "port-held"


def test_a_run_without_the_service_says_nothing_of_its_port(look: Look) -> None:
    (found,) = look(Machine(listen=[(SAME, None, "127.0.0.1")], up={"web": (3002,)}))
    assert found.rule == "port-held"


@pytest.mark.parametrize("service", ["ws", None])
def test_the_service_itself_is_no_stranger(look: Look, service: str | None) -> None:
    (found,) = look(Machine(listen=[(OURS, service, "127.0.0.1")], up=UP))
    assert found.rule == "port-held"  # as information


def test_a_stranger_beside_the_service_is_left_to_other_rules(look: Look) -> None:
    rules = {
        found.rule
        for found in look(Machine(listen=[(OURS, "ws", "127.0.0.1"), (FOREIGN, None, "::1")], up=UP))
    }
    assert rules == {"port-held"}


def test_a_run_that_moved_the_service_does_not_claim_the_declared_port(look: Look) -> None:
    (found,) = look(Machine(listen=[(FOREIGN, None, "127.0.0.1")], up={"ws": (13001,), "web": (13002,)}))
    assert found.rule == "port-held"


@pytest.mark.parametrize("whose", [HolderClass.CONTAINER, HolderClass.OTHER_USER])
def test_what_the_service_s_command_may_have_started_is_no_stranger(look: Look, whose: HolderClass) -> None:
    (found,) = look(Machine(listen=[(whose, None, "127.0.0.1")], up=UP))
    assert found.rule == "port-held"


def test_a_free_port_is_nobody_s(look: Look) -> None:
    assert look(Machine(up=UP)) == []
