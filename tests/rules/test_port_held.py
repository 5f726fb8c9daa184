"""Rules about this machine's ports, with real sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from devstack.rules import engine
from devstack.rules.base import Needs, Report
from devstack.rules.catalogue import CATALOGUE
from devstack.rules.inspection import Inspection

PORTS = frozenset(("port-held", "port-other-family"))


def look(inspection: Inspection) -> Report:
    choice = engine.Choice(select=PORTS, needs=frozenset((Needs.FILES, Needs.HOST)))
    return engine.run(inspection, CATALOGUE, choice)


def stack(port: int) -> dict[str, str]:
    return {"stack.toml": f'[services.ws]\ntype = "command"\ncommand = "sleep 1"\nport = {port}\n'}


def test_a_held_port_names_its_holder(
    inspected: Callable[..., Inspection], free_port: Callable[[], int]
) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        report = look(inspected(stack(port)))
    (found,) = report.findings
    assert found.rule == "port-held"
    assert "pid" in found.message
    assert [(place.path, place.line) for place in found.locations] == [("stack.toml", 4)]


def test_a_free_port_is_not_mentioned(
    inspected: Callable[..., Inspection], free_port: Callable[[], int]
) -> None:
    report = look(inspected(stack(free_port())))
    assert not report.findings
    assert not report.skipped


def test_one_process_on_both_families_is_no_split(
    inspected: Callable[..., Inspection], free_port: Callable[[], int]
) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        socket.create_server(("::1", port), family=socket.AF_INET6),
    ):
        report = look(inspected(stack(port)))
    assert [found.rule for found in report.findings] == ["port-held"]
    assert "more" not in report.findings[0].message
