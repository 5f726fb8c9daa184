"""Who listens, and whether a port can be bound: every measured edge case with real sockets and processes."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devstack.host import linux_sockets, listening, portable, proc_tables
from devstack.host.judging import Context
from devstack.host.listening import bind_error, is_bindable, listeners, listeners_of, occupants
from devstack.host.model import HolderClass, PortState
from devstack.host.ports import holders, status, udp_status
from tests.e2e.programs import eventually
from tests.port_programs import HOLDER, Processes, has_ipv6, hold, is_root, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
needs_root = pytest.mark.skipif(not is_root(), reason="imitates another user")

FreePort = Callable[[], int]


def test_a_listener_is_found_with_address_family_and_user(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port))
    (found,) = listeners([port])
    assert (found.port, found.address, found.family, found.uid) == (port, "127.0.0.1", 4, os.geteuid())
    assert found.inode
    assert found.owners == ()


def test_owners_are_named_only_when_asked_for(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    (found,) = listeners([port], with_owners=True)
    assert [owner.pid for owner in found.owners] == [process.pid]


def test_one_question_answers_for_several_ports_and_both_families(
    spawned: Processes, free_port: FreePort
) -> None:
    first, second, third = free_port(), free_port(), free_port()
    hold(spawned, ("127.0.0.1", first), ("0.0.0.0", second))
    assert [entry.port for entry in listeners([first, second, third])] == sorted([first, second])


@needs_ipv6
def test_ipv4_and_ipv6_are_kept_apart(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    four, six = hold(spawned, ("127.0.0.1", port)), hold(spawned, ("::1", port))
    found = listeners([port], with_owners=True)
    assert [(entry.address, entry.family) for entry in found] == [("127.0.0.1", 4), ("::1", 6)]
    assert [entry.owners[0].pid for entry in found] == [four.pid, six.pid]


@needs_ipv6
def test_different_processes_on_the_two_families_are_pointed_out(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port))
    hold(spawned, ("::1", port))
    (found,) = status([port], Context())
    assert found.note is not None
    assert "different processes answer on IPv4" in found.note


@needs_ipv6
def test_one_process_on_both_families_is_no_split(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port), ("::1", port))
    assert status([port], Context())[0].note is None


@needs_ipv6
def test_a_dual_stack_socket_is_told_from_an_ipv6_only_one(spawned: Processes, free_port: FreePort) -> None:
    dual, only = free_port(), free_port()
    hold(spawned, ("::", dual), dual_stack=True)
    hold(spawned, ("::", only))
    assert [(entry.port, entry.v6_only) for entry in listeners([dual, only])] == sorted(
        [(dual, False), (only, True)]
    )


@needs_ipv6
def test_a_dual_stack_socket_takes_the_port_on_every_address(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("::", port), dual_stack=True)
    assert [is_bindable(port, host) for host in listening.ADDRESSES] == [False] * 4


@needs_ipv6
def test_a_socket_on_ipv6_loopback_leaves_ipv4_alone(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("::1", port))
    assert [is_bindable(port, host) for host in ("127.0.0.1", "0.0.0.0", "::1")] == [True, True, False]
    assert not is_bindable(port)


def test_both_owners_of_a_reused_port_are_reported(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    pair = [hold(spawned, ("127.0.0.1", port), reuse_port=True) for _ in range(2)]
    found = listeners([port], with_owners=True)
    assert len(found) == 2
    assert {owner.pid for entry in found for owner in entry.owners} == {process.pid for process in pair}


def test_every_process_that_shares_a_forked_socket_is_reported(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), share=True)
    (found,) = listeners([port], with_owners=True)
    assert process.pid in [owner.pid for owner in found.owners]
    assert len(found.owners) == 2


def test_listeners_of_a_tree_leaves_out_everybody_else(spawned: Processes, free_port: FreePort) -> None:
    ours, theirs = free_port(), free_port()
    process = hold(spawned, ("127.0.0.1", ours))
    hold(spawned, ("127.0.0.1", theirs))
    found = listeners_of([process.pid])
    assert [entry.port for entry in found] == [ours]
    assert found[0].owners[0].pid == process.pid


def test_a_process_that_is_gone_has_no_listeners() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert listeners_of([process.pid]) == []


def test_a_bound_port_becomes_free_when_its_process_ends(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    assert status([port], Context())[0].state is PortState.HELD
    process.kill()
    process.wait()
    assert is_bindable(port)
    assert status([port], Context())[0].state is PortState.FREE


def test_a_connection_in_time_wait_hinders_nobody(free_port: FreePort) -> None:
    port = free_port()
    server = socket.create_server(("127.0.0.1", port))
    with server, socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = server.accept()
        accepted.close()  # the server closes first, so its end waits
        assert client.recv(1) == b""
    assert eventually(lambda: listening.is_winding_down(port))
    assert is_bindable(port)
    assert status([port], Context())[0].state is PortState.FREE


def test_a_port_that_an_outgoing_connection_uses_is_neither_free_nor_held(free_port: FreePort) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", port))
        client.connect(server.getsockname())
        assert [is_bindable(port, host) for host in ("127.0.0.1", "0.0.0.0", "::")] == [False] * 3
        (found,) = status([port], Context())
        assert found.state is PortState.CLIENT
        assert found.holders == ()
        assert found.note is not None
        assert f"pid {os.getpid()}" in found.note
        assert "nothing to stop" in found.note
        assert [entry.port for entry in occupants([port])] == [port]


def test_a_socket_that_is_bound_but_silent_is_named(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), bind_only=True, no_reuse=True)
    if not linux_sockets.dump(linux_sockets.BOUND, [port]):
        pytest.skip("this kernel does not list bound sockets")
    (found,) = status([port], Context())
    assert found.state is PortState.HELD
    assert found.note is not None
    assert f"pid {process.pid}" in found.note
    assert "does not listen" in found.note


def test_a_server_that_never_accepts_is_called_hung(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port), backlog=0)
    waiting = [socket.socket() for _ in range(4)]
    try:
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        assert eventually(lambda: [entry.is_hung for entry in listeners([port])] == [True])
        holder = holders([port], Context())[port][0]
        assert holder.detail is not None
        assert "hung" in holder.detail
    finally:
        for one in waiting:
            one.close()


def test_a_server_with_room_in_its_queue_is_not_called_hung(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port))
    with socket.create_connection(("127.0.0.1", port)):
        assert [entry.is_hung for entry in listeners([port])] == [False]


def test_a_zombie_holds_nothing_and_does_not_count_as_alive() -> None:
    from devstack.host.process_facts import is_alive, kin

    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    before = kin(process.pid)
    assert before is not None
    assert process.stdout is not None
    process.stdout.read()  # end of file: it is ending or a zombie, not yet reaped
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    now = kin(process.pid)
    assert now is not None
    assert now.is_dead
    assert not is_alive(before.id)
    process.stdout.close()
    process.wait()


def test_a_privileged_port_says_why_bind_fails() -> None:
    drop = "os.setuid(65534)" if is_root() else "pass"
    code = f"import os; from devstack.host.listening import bind_error; {drop}; print(bind_error(81).errno)"
    start_at = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip()
    if int(start_at) <= 81:
        pytest.skip("every port is unprivileged here")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "13", done.stderr


@needs_root
def test_a_listener_of_another_user_is_seen_but_its_process_is_not(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port))
    code = (
        "import os, pwd; from devstack.host.ports import Context, holders\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"h = holders([{port}], Context())[{port}][0]\n"
        "print(h.pid, h.holder_class.value, h.user, h.detail, sep='|')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == (
        f"None|other-user|root|held by uid 0, process not visible: "
        f"sudo devstack ports {port}, or docker ps --filter publish={port}"
    ), done.stderr


@needs_root
def test_a_process_of_another_user_is_classed_so_even_for_root(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), uid=65534)
    (holder,) = holders([port], Context())[port]
    assert (holder.pid, holder.holder_class) == (process.pid, HolderClass.OTHER_USER)


def test_bind_errors_for_a_host_that_is_no_address_are_given_back(free_port: FreePort) -> None:
    assert bind_error(free_port(), "203.0.113.7") is not None


def test_a_machine_without_ipv6_can_still_bind_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = listening._try_bind

    def without_ipv6(port: int, address: str) -> OSError | None:
        return OSError(errno.EADDRNOTAVAIL, "") if ":" in address else bind(port, address)

    monkeypatch.setattr(listening, "_try_bind", without_ipv6)
    assert [is_bindable(0, host) for host in (None, "localhost", "::1")] == [True, True, False]


def test_a_forked_child_asks_through_a_socket_of_its_own(free_port: FreePort) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert listeners([port])
        child = os.fork()
        if child == 0:
            os._exit(0 if listeners([port]) else 1)
        assert listeners([port])
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_netlink_socket_is_opened_again_after_it_was_closed(free_port: FreePort) -> None:
    linux_sockets.close()
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert listeners([server.getsockname()[1]])


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as are allowed; some shells give 256."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("many_files")
def test_many_listeners_come_in_several_datagrams_and_none_is_lost() -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(400)]
    try:
        ports = {server.getsockname()[1] for server in servers}
        assert {entry.port for entry in listeners(ports)} == ports
    finally:
        for server in servers:
            server.close()


def test_a_rewritten_title_does_not_hide_the_owner(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    spec = f'{{"addresses": [["127.0.0.1", {port}]]}}'
    code = f"import sys; sys.argv = ['', {spec!r}]\n{HOLDER}"
    process = start(
        spawned, ["bash", "-c", 'exec -a "next-server (v16.4.6)" "$0" -c "$1"', sys.executable, code]
    )
    (holder,) = holders([port], Context())[port]
    assert holder.pid == process.pid
    assert holder.command.startswith("next-server (v16.4.6)")


def test_udp_sockets_are_told_only_when_asked_for(free_port: FreePort) -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waiting:
        waiting.bind(("127.0.0.1", port))
        assert listeners([port]) == []
        (found,) = udp_status([port], Context())
        assert (found.state, found.holders[0].pid) == (PortState.HELD, os.getpid())
        assert [owner.pid for entry in portable.udp_sockets(frozenset([port])) for owner in entry.owners] == [
            os.getpid()
        ]
    assert udp_status([port], Context())[0].state is PortState.FREE


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_the_tables_of_proc_tell_the_same_as_netlink(protocol: str, free_port: FreePort) -> None:
    kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
    addresses = [(socket.AF_INET, "127.0.0.1"), *([(socket.AF_INET6, "::1")] if has_ipv6() else [])]
    sockets = [socket.socket(family, kinds[protocol]) for family, _ in addresses]
    port = free_port()
    try:
        for one, (_, address) in zip(sockets, addresses, strict=True):
            one.bind((address, port))
            if protocol == "tcp":
                one.listen()
        states = linux_sockets.LISTEN if protocol == "tcp" else linux_sockets.UDP_BOUND
        asked = linux_sockets.dump(states, [port]) if protocol == "tcp" else linux_sockets.dump_udp([port])
        read = proc_tables.read(states, [port], protocol=protocol)
        assert len(read) == len(addresses)
        assert {(one.address, one.port, one.uid, one.inode) for one in read} == {
            (one.address, one.port, one.uid, one.inode) for one in asked
        }
    finally:
        for one in sockets:
            one.close()


def test_without_netlink_the_tables_are_read(free_port: FreePort, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> linux_sockets.SocketDiagnosis:
        raise PermissionError(13, "a sandbox that forbids netlink")

    monkeypatch.setattr(linux_sockets, "_diagnosis", refuse)
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        (found,) = listeners([port], with_owners=True)
    assert [owner.pid for owner in found.owners] == [os.getpid()]
    assert not found.is_hung


def test_threads_that_ask_at_the_same_time_get_their_own_answers() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    linux_sockets.dump(linux_sockets.LISTEN)
    dialogue = linux_sockets._kept
    wrong: list[int] = []

    def ask(states: int) -> None:
        for _ in range(100):
            wrong.extend(one.state for one in linux_sockets.dump(states) if not states & 1 << one.state)

    masks = (linux_sockets.LISTEN, linux_sockets.TIME_WAIT, linux_sockets.TALKING, linux_sockets.LISTEN)
    try:
        with ThreadPoolExecutor(len(masks)) as threads:
            list(threads.map(ask, masks))
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
    assert linux_sockets._kept is dialogue  # nobody waited in vain and began another one
