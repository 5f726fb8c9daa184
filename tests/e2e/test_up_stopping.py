"""How a run ends: order, stubborn processes, escaped processes, signals, kill -9 (behaviours 19–27)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from devstack.host.signals import SAME_REQUEST
from devstack.host.tree import of_run
from tests.conftest import Outcome, clean_environment
from tests.e2e.conftest import Run
from tests.e2e.programs import (
    COUNTING,
    DOOR,
    ESCAPED,
    PYTHON,
    SERVER,
    STUBBORN,
    STUBBORN_MEMBER,
    can_bind,
    command_line,
    eventually,
    guards,
    python,
    tagged,
    toml,
)

pytestmark = pytest.mark.e2e
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Command = Callable[..., Outcome]
WAIT = "sleep 1000"


def identity(run: Run) -> str:
    return str(next(one["run"] for one in run.events if one["event"] == "run.started"))


def test_services_stop_in_reverse_dependency_order(tree: Tree, up: Up) -> None:
    services = {
        "a": {"command": WAIT},
        "b": {"command": WAIT, "depends_on": ["a"]},
        "c": {"command": WAIT, "depends_on": ["b"]},
    }
    run = up(cwd=tree({"stack.toml": toml(services)}))
    run.until("run.ready")
    run.process.send_signal(signal.SIGINT)
    run.until("run.finished")
    ends = [
        (one["event"], one["service"])
        for one in run.events
        if one["event"] in ("service.stopping", "service.stopped")
    ]
    assert ends == [
        ("service.stopping", "c"),
        ("service.stopped", "c"),
        ("service.stopping", "b"),
        ("service.stopped", "b"),
        ("service.stopping", "a"),
        ("service.stopped", "a"),
    ]
    assert run.wait() == 130


def test_each_service_gets_its_own_signal(tree: Tree, up: Up) -> None:
    services = {
        "a": {"command": "sh -c 'trap \"echo got-int; exit 0\" INT; echo up; while :; do sleep 0.05; done'"}
        | {"stop": {"signal": "INT", "grace": "60s"}}
    }
    folder = tree({"stack.toml": toml(services)})
    run = up(cwd=folder)
    run.until("service.output", service="a")
    assert run.interrupt() == 130
    assert "got-int" in (folder / ".devstack/logs/a.log").read_text()


def test_whoever_ignores_term_is_killed_after_its_grace(tree: Tree, up: Up) -> None:
    services = {"a": {"command": python("stubborn.py"), "stop": {"grace": "300ms"}}}
    run = up(cwd=tree({"stack.toml": toml(services), "stubborn.py": STUBBORN}))
    run.until("service.output", service="a")
    run.process.send_signal(signal.SIGINT)
    assert run.until("service.exited", service="a")["signal"] == "KILL"
    assert run.wait() == 130


def test_a_member_that_outlives_its_leader_is_waited_for_and_killed(tree: Tree, up: Up) -> None:
    services = {"a": {"command": python("member.py"), "stop": {"grace": "300ms"}}}
    folder = tree({"stack.toml": toml(services), "member.py": STUBBORN_MEMBER})
    run = up(cwd=folder)
    run.until("service.output", service="a")
    assert run.interrupt() == 130
    assert tagged(identity(run)) == []


def test_a_double_forked_process_in_its_own_session_is_found_and_stopped(tree: Tree, up: Up) -> None:
    services = {"a": {"command": python("escaped.py"), "stop": {"grace": "300ms"}}}
    folder = tree({"stack.toml": toml(services), "escaped.py": ESCAPED})
    run = up(cwd=folder)
    run.until("service.output", service="a")
    assert run.interrupt() == 130
    assert tagged(identity(run)) == []


def test_the_exit_of_a_leader_is_noticed_although_an_escaped_process_keeps_the_pipe(
    tree: Tree, up: Up
) -> None:
    services = {
        "a": {"command": python("escaped.py", "7"), "stop": {"grace": "300ms"}, "restart": "never"},
    }
    run = up(cwd=tree({"stack.toml": toml(services), "escaped.py": ESCAPED}))
    assert run.until("service.exited", service="a")["code"] == 7
    assert run.wait() == 4
    assert tagged(identity(run)) == []


@pytest.mark.node
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_npm_which_passes_no_term_on_leaves_no_node_behind(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    port = free_port()
    server = f"require('http').createServer((q, s) => s.end('hi')).listen({port}, '127.0.0.1')"
    package = '{"name": "x", "scripts": {"dev": "node server.js"}}'
    services = {"web": {"command": "npm run dev", "port": port}}
    run = up(cwd=tree({"stack.toml": toml(services), "package.json": package, "server.js": server}))
    run.until("service.ready", service="web")
    assert run.interrupt() == 130
    assert tagged(identity(run)) == []
    assert can_bind(port)


def test_the_second_ctrl_c_kills_now(tree: Tree, up: Up) -> None:
    services = {"a": {"command": python("stubborn.py"), "stop": {"grace": "60s"}}}
    run = up(cwd=tree({"stack.toml": toml(services), "stubborn.py": STUBBORN}))
    run.until("service.output", service="a")
    run.process.send_signal(signal.SIGINT)
    run.until("run.stopping")
    while run.process.poll() is None:  # as a person does: what comes at once is taken for the same request
        run.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            run.process.wait(0.1)
    assert run.until("run.stopping")["forced"] is True
    assert run.wait() == 130


# Takes a moment to end in order; who kills it at once finds no file.
ORDERLY = """
import pathlib, signal, time
def end(*_):
    time.sleep(0.5)
    pathlib.Path("orderly").touch()
    raise SystemExit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: time.sleep(60)
"""
ORDERLY_SERVICE = {"a": {"command": python("orderly.py"), "stop": {"grace": "60s"}}}


def end_by_the_terminal(start: Callable[[], Run]) -> None:
    """Ctrl-C for all of the group, heard as one request.

    A wrapper that had to wait for a processor passes it on so late that it is another one: then once more.
    """
    while True:
        run = start()
        run.until("service.output", service="a")
        os.killpg(run.process.pid, signal.SIGINT)
        run.until("run.finished")
        run.wait()
        stops = [one for one in run.events if one["event"] == "run.stopping"]
        assert stops[0]["forced"] is False
        if len(stops) == 1:
            return
        assert stops[1]["t"] - stops[0]["t"] > SAME_REQUEST / 2, stops


@pytest.mark.skipif(shutil.which("timeout") is None, reason="needs timeout of coreutils")
def test_a_ctrl_c_that_a_wrapper_passes_on_as_well_ends_the_run_in_order(tree: Tree, up: Up) -> None:
    folder = tree({"stack.toml": toml(ORDERLY_SERVICE), "orderly.py": ORDERLY})
    end_by_the_terminal(lambda: up(cwd=folder, through=["timeout", "600"]))
    assert (folder / "orderly").exists()


@pytest.mark.node
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_a_ctrl_c_below_npm_run_ends_the_run_in_order(tree: Tree, up: Up) -> None:
    package = '{"name": "x", "scripts": {"dev": "env"}}'  # npm adds the words after `--`
    folder = tree({"stack.toml": toml(ORDERLY_SERVICE), "orderly.py": ORDERLY, "package.json": package})
    end_by_the_terminal(lambda: up(cwd=folder, through=["npm", "run", "--silent", "dev", "--"]))
    assert (folder / "orderly").exists()


def test_ctrl_c_during_the_start_a_setup_step_and_a_backoff_ends_the_run(tree: Tree, up: Up) -> None:
    services = {
        "waits": {"command": WAIT, "ready": {"command": "false"}},
        "fails": {"command": "sh -c 'exit 1'", "restart": {"policy": "always", "backoff": "60s..60s"}},
        "prepares": {"command": WAIT, "setup": {"command": "echo preparing; sleep 1000"}},
    }
    run = up("--yes", cwd=tree({"stack.toml": toml(services)}))
    expected = {
        ("service.restarting", "fails"),
        ("service.output", "prepares.setup"),
        ("service.probe_failed", "waits"),
    }
    while not expected <= {(one["event"], one.get("service")) for one in run.events}:
        run.next()
    run.process.send_signal(signal.SIGINT)
    setup = run.until("setup.finished")
    assert (setup["ok"], setup["interrupted"], setup["reason"]) == (False, True, "")
    assert run.wait() == 130
    assert tagged(identity(run)) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_term_and_hangup_are_an_orderly_end(tree: Tree, up: Up, number: int, code: int) -> None:
    run = up(cwd=tree({"stack.toml": toml({"a": {"command": WAIT}})}))
    run.until("run.ready")
    assert run.end(number) == code
    assert tagged(identity(run)) == []


def test_after_kill_9_the_guard_stops_every_tree_and_ports_are_free(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    port = free_port()
    services = {
        "web": {"command": python("server.py"), "port": port},
        "stubborn": {"command": python("stubborn.py")},
        "away": {"command": python("escaped.py")},
    }
    folder = tree(
        {"stack.toml": toml(services), "server.py": SERVER, "stubborn.py": STUBBORN, "escaped.py": ESCAPED}
    )
    run = up(cwd=folder)
    run.until("run.ready")
    assert eventually(lambda: len(tagged(identity(run))) >= 4)
    run.process.kill()
    run.process.wait()
    assert eventually(lambda: not tagged(identity(run)))
    assert eventually(lambda: can_bind(port))


def test_a_killed_guard_is_replaced_and_the_next_one_does_its_work(tree: Tree, up: Up) -> None:
    run = up(cwd=tree({"stack.toml": toml({"a": {"command": "sleep 1000"}})}))
    run.until("run.ready")
    (first,) = guards(run.process.pid)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: guards(run.process.pid) and first not in guards(run.process.pid))
    run.process.kill()
    run.wait()
    assert eventually(lambda: not tagged(run.events[0]["run"]))


@pytest.mark.timeout(600)  # forty commands
def test_down_and_up_again_twenty_times_never_meets_a_port_in_use_and_leaks_nothing(
    tree: Tree, devstack: Command, free_port: Callable[[], int]
) -> None:
    port = free_port()
    services = {"door": {"command": f"{PYTHON} -IS door.py", "port": port}}
    folder = tree({"stack.toml": toml(services), "door.py": DOOR, "open": ""})
    open_files: set[int] = set()
    for _ in range(20):
        started = devstack("up", "--wait", cwd=folder)
        assert started.code == 0, started.out + started.err
        assert "`devstack down` stops it" in started.out
        record = json.loads((folder / ".devstack/state.json").read_text())
        open_files.add(descriptors(record["supervisor"]["pid"]))
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            assert client.recv(1) == b""  # the server closed first: a TIME_WAIT stays behind
        assert devstack("down", cwd=folder).code == 0
        assert can_bind(port)
        assert not of_run(record["run"])
    assert max(open_files) - min(open_files) <= 1  # whoever asked last may still be connected
    left = {one.name for one in (folder / ".devstack").iterdir()}
    assert left == {".gitignore", "history.jsonl", "lock", "state.json"}


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_restarts_leave_no_descriptor_and_no_thread_behind(
    tree: Tree, up: Up, devstack: Command, free_port: Callable[[], int]
) -> None:
    services = {
        "web": {"command": python("server.py"), "port": free_port()},
        "away": {"command": python("escaped.py"), "stop": {"grace": "100ms"}},
        "gated": {"command": WAIT, "ready": {"command": "true"}},
        "typed": {"command": WAIT, "tty": True},
    }
    run = up(cwd=tree({"stack.toml": toml(services), "server.py": SERVER, "escaped.py": ESCAPED}))
    run.until("run.ready")
    pid, counts = run.process.pid, []
    for _ in range(6):
        assert devstack("restart", *services, cwd=run.folder).code == 0
        counts.append((descriptors(pid), len(list(Path(f"/proc/{pid}/task").iterdir()))))
    # A pipe whose service ended is read for half a second more when somebody could still hold it.
    assert eventually(
        lambda: (descriptors(pid), len(list(Path(f"/proc/{pid}/task").iterdir()))) <= min(counts)
    )
    assert max(counts) <= (counts[0][0] + 4, counts[0][1] + 1), counts
    assert run.interrupt() == 130


def test_concurrent_restarts_during_a_slow_stop_leave_exactly_one_instance(
    tree: Tree, up: Up, devstack: Command
) -> None:
    slow = "trap 'sleep 0.3; exit 0' TERM; echo x >> starts; echo up; while :; do sleep 0.05; done"
    folder = tree({"stack.toml": toml({"a": {"command": "sh slow.sh"}}), "slow.sh": slow})
    run = up(cwd=folder)
    run.until("run.ready")
    clients = [
        subprocess.Popen(
            [PYTHON, "-m", "devstack", "restart", "a"],
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    assert [client.wait() for client in clients] == [0, 0, 0]
    assert devstack("wait", "a:ready", cwd=folder).code == 0
    # the shell forks for each sleep, and for a moment there are two of the same command
    assert eventually(lambda: sum(b"slow.sh" in command_line(pid) for pid in tagged(identity(run))) == 1)


def test_a_service_that_forks_all_the_time_leaves_nothing(tree: Tree, up: Up) -> None:
    forks = "echo up; while :; do sleep 3600 & (sleep 3600 &) ; sleep 0.02; done"
    run = up(cwd=tree({"stack.toml": toml({"a": {"command": "sh forks.sh"}}), "forks.sh": forks}))
    run.until("run.ready")
    assert eventually(lambda: len(tagged(identity(run))) > 10)
    assert run.interrupt() == 130
    assert tagged(identity(run)) == []


def test_the_counting_program_starts_once_per_start(tree: Tree, up: Up, devstack: Command) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": python("count.py")}}), "count.py": COUNTING})
    run = up(cwd=folder)
    run.until("run.ready")
    assert devstack("restart", "a", cwd=folder).code == 0
    assert (folder / "starts").read_text() == "xx"


def test_a_suspended_service_obeys_its_signal_at_once(tree: Tree, up: Up, devstack: Command) -> None:
    services = {"a": {"command": WAIT, "stop": {"grace": "60s"}}, "b": {"command": WAIT}}
    folder = tree({"stack.toml": toml(services)})
    run = up(cwd=folder)
    run.until("run.ready")
    pid = next(
        one["pid"] for one in run.events if one["event"] == "service.started" and one["service"] == "a"
    )
    os.kill(pid, signal.SIGSTOP)
    assert devstack("stop", "a", cwd=folder).code == 0
    assert run.until("service.exited", service="a")["signal"] == "TERM"
    assert run.interrupt() == 130


def test_down_ends_a_devstack_that_was_suspended(tree: Tree, up: Up, devstack: Command) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}})})
    run = up(cwd=folder)
    run.until("run.ready")
    run.process.send_signal(signal.SIGSTOP)
    done = devstack("down", "--timeout", "100s", cwd=folder)
    assert done.code == 0, done.err
    assert run.wait() == 143
    assert not tagged(identity(run))


@pytest.mark.parametrize("is_recorded", [True, False])
def test_down_force_kills_at_once_also_where_only_signals_are_heard(
    tree: Tree, up: Up, devstack: Command, is_recorded: bool
) -> None:
    services = {"a": {"command": python("stubborn.py"), "stop": {"grace": "60s"}}}
    folder = tree({"stack.toml": toml(services), "stubborn.py": STUBBORN})
    run = up(cwd=folder)
    run.until("service.output", service="a")
    assert eventually((folder / ".devstack" / "state.json").exists)
    run.process.send_signal(signal.SIGSTOP)
    if not is_recorded:  # as in the first moment of a run
        (folder / ".devstack" / "state.json").unlink()
    done = devstack("down", "--force", "--timeout", "100s", cwd=folder)
    assert done.code == 0, done.err
    assert run.wait() == 143
    assert not tagged(identity(run))
