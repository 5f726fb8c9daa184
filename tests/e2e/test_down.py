"""`devstack down` against a running stack, one that was killed, and one that does not answer."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.e2e.pair import is_alive, services, stack
from tests.e2e.programs import can_bind, kill_with_guard

pytestmark = pytest.mark.e2e

Tree = Callable[[Mapping[str, str | bytes]], Path]
Command = Callable[..., Outcome]
Up = Callable[..., Run]
Piped = Callable[..., subprocess.Popen[bytes]]


def test_down_returns_when_everything_is_gone(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    port = free_port()
    folder = tree(stack(port))
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    pids = [one["pid"] for one in services(devstack, folder).values()]
    done = devstack("down", cwd=folder)
    assert done.code == 0, done.err
    assert not any(is_alive(pid) for pid in pids)
    assert can_bind(port)
    assert run.wait() == 0
    again = devstack("down", cwd=folder)
    assert (again.code, "Nothing was running" in again.out) == (0, True)


def test_down_and_ps_need_no_valid_stack_file(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree(stack(free_port()))
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    (folder / "stack.toml").write_text("this is [not toml")
    assert devstack("ps", cwd=folder).code == 0
    assert devstack("down", cwd=folder).code == 0
    run.wait()


def test_down_works_from_a_folder_below(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree({**stack(free_port()), "deep/below/file": ""})
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    assert devstack("down", cwd=folder / "deep" / "below").code == 0
    assert run.wait() == 0


def test_down_reaches_a_run_whose_socket_is_gone(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    port = free_port()
    folder = tree(stack(port))
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    (folder / ".devstack" / "control.sock").unlink()
    assert devstack("ps", cwd=folder).code == 6
    done = devstack("down", cwd=folder)
    assert done.code == 0, done.err
    run.wait()
    assert can_bind(port)


def test_down_kills_at_once_when_forced(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    stubborn = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\n"
        "time.sleep(600)\n"
    )
    files = stack(free_port(), 'stop = { grace = "5m" }')
    folder = tree({**files, "worker.py": stubborn})
    run = up("--no-doctor", cwd=folder)
    run.until("service.output", service="worker")
    run.until("run.ready")
    pid = services(devstack, folder)["worker"]["pid"]
    assert devstack("down", "--timeout", "300ms", cwd=folder).code == 124
    assert is_alive(pid)
    assert devstack("down", "--force", cwd=folder, timeout=30).code == 0
    assert not is_alive(pid)
    run.wait()


def test_after_the_supervisor_was_killed_down_leaves_nothing(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    port = free_port()
    folder = tree(stack(port))
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    pids = [one["pid"] for one in services(devstack, folder).values()]
    run.process.send_signal(signal.SIGKILL)
    run.wait()
    assert devstack("ps", cwd=folder).code == 6
    done = devstack("down", cwd=folder)
    assert done.code == 0, done.err
    assert not any(is_alive(pid) for pid in pids)
    assert can_bind(port)


def test_what_outlived_supervisor_and_guard_is_named_by_ps_and_stopped_by_down(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    port = free_port()
    folder = tree(stack(port))
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    pid = services(devstack, folder)["server"]["pid"]
    kill_with_guard(run.process.pid)
    run.wait()
    assert is_alive(pid)
    left = devstack("ps", cwd=folder)
    assert left.code == 6
    assert str(pid) in left.err
    assert "devstack down" in left.err
    done = devstack("down", cwd=folder)
    assert done.code == 0, done.err
    assert "had died" in done.out
    assert not is_alive(pid)
    assert can_bind(port)
