"""Stopping who holds a port: what is stopped, what survives, and what is said when it does not work."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.host import freeing, process_facts
from devstack.host.judging import Context, Record
from devstack.host.listening import is_bindable, listeners, listeners_of
from devstack.host.ports import Freed, Outcome, carry_out, free, propose
from devstack.host.stopping import Proposal
from tests.port_programs import HOLDER, Processes, has_ipv6, hold, is_root, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses pidfds")
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")

FreePort = Callable[[], int]
ALLOWED = Context()

# Starts argv[1:] and starts it again whenever it ends.
RESPAWNER = "import subprocess, sys\nwhile True: subprocess.run(sys.argv[1:], stdin=sys.stdin)"


def free_all(port: int, *, grace: float = 5.0) -> Freed:
    """Free `port`, foreign or not."""
    return free(port, ALLOWED, force=True, grace=grace)


def pids(proposal: Proposal) -> set[int]:
    """Everything that would be signalled."""
    return {member.id.pid for tree in proposal.trees for member in tree.members}


def test_a_server_ends_on_term_and_the_port_can_be_bound(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    result = free_all(port)
    assert (result.outcome, result.stopped, result.killed) == (Outcome.FREED, (process.pid,), ())
    assert process.wait() == -signal.SIGTERM
    assert is_bindable(port)


def test_a_free_port_is_reported_as_such(free_port: FreePort) -> None:
    assert free_all(free_port()).outcome is Outcome.WAS_FREE


def test_what_ignores_term_is_killed_after_the_grace(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), ignore_term=True)
    result = free_all(port, grace=0.2)
    assert (result.outcome, result.stopped, result.killed) == (Outcome.FREED, (), (process.pid,))
    assert process.wait() == -signal.SIGKILL


def test_a_stopped_process_is_killed_after_the_grace(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)  # a TERM that came together with it would be heard first
    assert free_all(port, grace=0.2).killed == (process.pid,)


def test_every_owner_of_a_shared_socket_is_stopped(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port), share=True)
    result = free_all(port)
    assert result.outcome is Outcome.FREED
    assert len(result.stopped) == 2


def test_both_owners_of_a_reused_port_are_stopped(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    pair = [hold(spawned, ("127.0.0.1", port), reuse_port=True) for _ in range(2)]
    assert set(free_all(port).stopped) == {process.pid for process in pair}


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_the_holders_of_both_families_are_stopped(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port))
    hold(spawned, ("::1", port))
    assert free_all(port).outcome is Outcome.FREED
    assert is_bindable(port)


def test_a_connected_client_survives(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port), echo=True)
    client = start(
        spawned,
        [
            sys.executable,
            "-c",
            f"import socket, sys; s = socket.create_connection(('127.0.0.1', {port})); s.sendall(b'x'); s.recv(1)\n"
            "print('ready', flush=True); end = s.recv(1); print(end, flush=True); sys.stdin.read()",
        ],
    )
    result = free_all(port)
    assert result.outcome is Outcome.FREED
    assert client.pid not in result.stopped + result.killed
    assert client.stdout is not None
    assert client.stdout.readline().strip() == b"b''"  # it saw the connection close, and lives
    assert client.poll() is None


def test_a_port_used_by_an_outgoing_connection_kills_nobody(free_port: FreePort) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", port))
        client.connect(server.getsockname())
        result = free_all(port)
    assert result.outcome is Outcome.STILL_HELD
    assert result.stopped == result.killed == ()
    assert result.detail is not None
    assert "connection" in result.detail


def test_a_shell_command_around_the_server_goes_with_it(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    shell = hold(spawned, ("127.0.0.1", port), prefix=["sh", "-c", '"$@"; :', "sh"])
    proposal = propose([port], ALLOWED, force=True)
    assert shell.pid in pids(proposal)
    assert len(pids(proposal)) == 2
    carry_out(proposal, ALLOWED)
    shell.wait()
    assert is_bindable(port)


def test_a_shell_with_other_children_stays(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    shell = hold(spawned, ("127.0.0.1", port), prefix=["sh", "-c", 'sleep 300 & "$@"; kill $!; wait', "sh"])
    assert shell.pid not in pids(propose([port], ALLOWED, force=True))
    assert free_all(port).outcome is Outcome.FREED
    shell.wait()


def test_a_reloader_with_the_same_command_line_goes_along(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    code = "import os, sys\n" + HOLDER.replace(
        "sockets = []", "sockets = []\nif os.fork(): os.wait(); sys.exit()"
    )
    spec = f'{{"addresses": [["127.0.0.1", {port}]]}}'
    parent = start(spawned, [sys.executable, "-c", code, spec])
    proposal = propose([port], ALLOWED, force=True)
    assert parent.pid in pids(proposal)
    assert len(pids(proposal)) == 2
    carry_out(proposal, ALLOWED)


@pytest.mark.node
@needs_npm
def test_npm_and_the_server_below_it_are_stopped_together(
    spawned: Processes, free_port: FreePort, tree: Callable[..., Path]
) -> None:
    port = free_port()
    folder = tree(
        {
            "package.json": '{"scripts": {"dev": "node server.js"}}',
            "server.js": (
                "process.title = 'renamed';"
                f"require('net').createServer().listen({port}, () => console.log('ready'))"
            ),
        }
    )
    npm = start(spawned, ["npm", "run", "--silent", "dev"], cwd=folder)
    proposal = propose([port], ALLOWED, force=True)
    assert npm.pid in pids(proposal)
    assert len(pids(proposal)) >= 2
    (result,) = carry_out(proposal, ALLOWED)
    assert result.outcome is Outcome.FREED
    assert set(result.stopped + result.killed) == pids(proposal)
    npm.wait()


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_nodemon_does_not_bring_the_server_back(
    spawned: Processes, free_port: FreePort, tree: Callable[..., Path]
) -> None:
    from tests.conftest import NODE_MODULES

    port = free_port()
    listen = f"require('net').createServer().listen({port}, () => console.log('ready'))"
    folder = tree({"server.js": listen})
    nodemon = start(
        spawned, ["node", str(NODE_MODULES / "nodemon/bin/nodemon.js"), "-q", "server.js"], cwd=folder
    )
    result = free_all(port)
    assert result.outcome is Outcome.FREED
    assert nodemon.pid in result.stopped + result.killed
    nodemon.wait()


def test_a_database_under_the_same_runner_is_not_stopped_with_it(
    spawned: Processes, free_port: FreePort, tmp_path: Path
) -> None:
    database = tmp_path / "redis-server"
    shutil.copy("/bin/sleep", database)
    runner = tmp_path / "honcho"
    runner.write_text(
        f'#!{sys.executable}\nimport subprocess, sys\nsubprocess.Popen(["{database}", "300"])\n'
    )
    with runner.open("a") as text:
        text.write("child = subprocess.Popen(sys.argv[1:], stdin=sys.stdin)\nchild.wait()\n")
    runner.chmod(0o755)
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), prefix=[str(runner)])
    proposal = propose([port], ALLOWED, force=True)
    assert process.pid not in pids(proposal)
    assert free_all(port).outcome is Outcome.FREED
    for entry in process_facts.everyone().values():
        facts = process_facts.facts(entry.pid)
        if facts and facts.executable == str(database):
            os.kill(entry.pid, signal.SIGKILL)
            return
    raise AssertionError("the database did not survive")


def test_other_ports_of_the_same_tree_are_announced(spawned: Processes, free_port: FreePort) -> None:
    port, other = free_port(), free_port()
    hold(spawned, ("127.0.0.1", port), ("127.0.0.1", other))
    assert propose([port], ALLOWED, force=True).also_holds == (other,)


def test_a_server_that_comes_back_is_reported_with_who_starts_it(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    respawner = hold(spawned, ("127.0.0.1", port), prefix=[sys.executable, "-c", RESPAWNER])
    result = free_all(port)
    assert result.outcome is Outcome.RESPAWNED
    assert result.detail is not None
    assert f"(pid {respawner.pid})" in result.detail
    assert respawner.poll() is None
    respawner.kill()
    respawner.wait()


def test_a_foreign_server_is_left_alone_without_force(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    result = free(port, ALLOWED)
    assert result.outcome is Outcome.REFUSED
    assert process.poll() is None
    assert listeners([port])


def test_one_holder_that_must_stay_keeps_the_others_of_that_port(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    ours, theirs = (hold(spawned, ("127.0.0.1", port), reuse_port=True) for _ in range(2))
    place = process_facts.kin(ours.pid)
    assert place is not None
    context = Context(records=(Record(service="ws", id=place.id),))
    assert free(port, context).outcome is Outcome.REFUSED
    assert ours.poll() is None
    assert theirs.poll() is None


def test_we_never_stop_ourselves_or_what_we_run_under(free_port: FreePort) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert free_all(port).outcome is Outcome.REFUSED


def test_the_climb_ends_below_our_own_ancestors(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    shell = hold(spawned, ("127.0.0.1", port), prefix=["sh", "-c", '"$@"; :', "sh"])
    under_it = Context(pid=shell.pid)  # as if devstack itself ran under that shell
    proposal = propose([port], under_it, force=True)
    assert shell.pid not in pids(proposal)
    assert len(pids(proposal)) == 1
    carry_out(proposal, under_it)
    shell.wait()


@pytest.mark.skipif(not is_root(), reason="imitates another user")
def test_the_process_of_another_user_is_left_alone_even_by_root_and_with_force(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), uid=65534)
    assert free_all(port).outcome is Outcome.REFUSED
    assert process.poll() is None


def test_a_holder_that_was_replaced_since_the_proposal_is_not_signalled(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    first = hold(spawned, ("127.0.0.1", port))
    proposal = propose([port], ALLOWED, force=True)
    first.kill()
    first.wait()
    second = hold(spawned, ("127.0.0.1", port))
    (result,) = carry_out(proposal, ALLOWED)
    assert result.outcome is Outcome.RESPAWNED
    assert second.poll() is None


def test_a_process_that_gave_the_port_up_since_the_proposal_is_not_signalled(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    code = (
        f"import socket, sys; s = socket.create_server(('127.0.0.1', {port})); print('ready', flush=True)\n"
        "sys.stdin.readline(); s.close(); print('closed', flush=True); sys.stdin.read()"
    )
    process = start(spawned, [sys.executable, "-c", code])
    proposal = propose([port], ALLOWED, force=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline().strip() == b"closed"
    (result,) = carry_out(proposal, ALLOWED)
    assert result.stopped == ()
    assert process.poll() is None


def test_a_recycled_pid_is_not_signalled(spawned: Processes, free_port: FreePort) -> None:
    from dataclasses import replace

    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    proposal = propose([port], ALLOWED, force=True)
    (tree_,) = proposal.trees
    earlier = tuple(replace(member, id=replace(member.id, started_at=1.0)) for member in tree_.members)
    (result,) = carry_out(replace(proposal, trees=(replace(tree_, members=earlier),)), ALLOWED)
    assert result.stopped == ()
    assert process.poll() is None


def test_without_pidfds_the_start_mark_still_guards(
    spawned: Processes, free_port: FreePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")  # as on macOS
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    result = free_all(port)
    assert (result.outcome, result.stopped) == (Outcome.FREED, (process.pid,))


def test_several_ports_are_freed_in_one_go(spawned: Processes, free_port: FreePort) -> None:
    ports = [free_port(), free_port(), free_port()]
    for port in ports[:2]:
        hold(spawned, ("127.0.0.1", port))
    results = carry_out(propose(ports, ALLOWED, force=True), ALLOWED)
    assert [result.outcome for result in results] == [Outcome.FREED, Outcome.FREED, Outcome.WAS_FREE]


def test_no_file_descriptor_is_left_open(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    listeners([port])  # the netlink socket is kept on purpose
    gc.collect()  # what tests before this one have left open
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    hold(spawned, ("127.0.0.1", port))
    free_all(port)
    opened = 2  # the pipes of the process that this test started
    assert len(os.listdir("/proc/self/fd")) == before + opened  # noqa: PTH208
    assert freeing.GRACE == 5.0


def test_a_service_that_moved_to_the_next_port_is_noticed_from_its_own_tree(
    spawned: Processes, free_port: FreePort
) -> None:
    declared, drifted = free_port(), free_port()
    hold(spawned, ("127.0.0.1", declared))
    service = hold(spawned, ("127.0.0.1", drifted), prefix=["sh", "-c", '"$@"; :', "sh"])
    members = [entry.pid for entry in process_facts.descendants([service.pid])]
    assert {entry.port for entry in listeners_of(members)} == {drifted}


def test_a_process_that_ended_by_itself_is_no_obstacle(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process: subprocess.Popen[bytes] = hold(spawned, ("127.0.0.1", port))
    proposal = propose([port], ALLOWED, force=True)
    process.kill()
    process.wait()
    (result,) = carry_out(proposal, ALLOWED)
    assert result.outcome is Outcome.FREED
