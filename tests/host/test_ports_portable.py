"""The ways without /proc, run here as well: psutil sees the same as netlink, lsof's output is understood."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable

import pytest

from devstack.host import portable, process_facts
from tests.port_programs import Processes, has_ipv6, hold

FreePort = Callable[[], int]


def test_listeners_and_owners_are_found(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    (found,) = portable.listeners(frozenset([port]))
    assert (found.port, found.address, found.family) == (port, "127.0.0.1", 4)
    assert [owner.pid for owner in found.owners] == [process.pid]


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_families_are_kept_apart(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port), ("::1", port))
    found = portable.listeners(frozenset([port]))
    assert sorted((entry.address, entry.family) for entry in found) == [("127.0.0.1", 4), ("::1", 6)]


def test_listeners_of_a_tree(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    hold(spawned, ("127.0.0.1", free_port()))
    assert [entry.port for entry in portable.listeners_of([process.pid, 2**22 - 1])] == [port]


def test_an_outgoing_connection_is_an_occupant(free_port: FreePort) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", port))
        client.connect(server.getsockname())
        (found,) = portable.occupants(frozenset([port]))
        assert found.peer == f"127.0.0.1:{server.getsockname()[1]}"
        assert found.owners[0].pid == os.getpid()


def test_facts_are_the_same_as_from_proc(spawned: Processes, free_port: FreePort) -> None:
    process = hold(
        spawned, ("127.0.0.1", free_port()), env={"DEVSTACK_RUN": "run-1", "DEVSTACK_SERVICE": "ws"}
    )
    found = portable.facts(process.pid)
    assert found is not None
    assert (found.run, found.service, found.kin.parent) == ("run-1", "ws", os.getpid())
    if sys.platform == "linux":
        known = process_facts.facts(process.pid)
        assert known is not None
        assert (found.argv, found.executable, found.cwd, found.uid) == (
            known.argv,
            known.executable,
            known.cwd,
            known.uid,
        )


def test_a_process_that_is_gone_has_no_facts() -> None:
    assert portable.facts(2**22 - 1) is None
    assert portable.kin(2**22 - 1) is None


def test_everyone_is_listed() -> None:
    assert portable.everyone()[os.getpid()].parent == os.getppid()


def test_the_fields_of_lsof_are_understood() -> None:
    own = os.getpid()
    text = f"p{own}\ncnode\nLme\nf3\ntIPv4\nn127.0.0.1:3001\nf4\ntIPv6\nn*:3002\nf5\ntIPv6\nn[::1]:3003\n"
    found = portable.parse_lsof(text)
    assert [(entry.address, entry.port, entry.family) for entry in found] == [
        ("127.0.0.1", 3001, 4),
        ("::", 3002, 6),
        ("::1", 3003, 6),
    ]
    assert {owner.pid for entry in found for owner in entry.owners} == {own}


@pytest.mark.skipif(shutil.which("lsof") is None, reason="needs lsof")
def test_the_real_lsof_names_a_listener(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    (found,) = portable._lsof(frozenset([port]))
    assert [owner.pid for owner in found.owners] == [process.pid]
