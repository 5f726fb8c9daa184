"""`devstack ports --kill`: consent, refusals, what is said, exit codes; the real command line, real servers."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.host import process_facts
from devstack.host.listening import is_bindable, listeners
from tests.conftest import PATIENCE, Outcome, clean_environment
from tests.port_programs import Processes, has_ipv6, hold, is_root, parsed, record_run, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
FreePort = Callable[[], int]
Tree = Callable[[Mapping[str, str | bytes]], Path]
Run = Callable[..., Outcome]


def test_nobody_to_ask_and_no_yes_is_a_dry_run_with_exit_5(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    done = devstack("ports", "--kill", "ws", cwd=stack)
    assert done.code == 5
    assert f"{process.pid}" in done.out
    assert "--yes" in done.out
    assert process.poll() is None


def test_yes_frees_a_dev_server_of_this_repository(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    done = devstack("ports", "--kill", str(ports["ws"]), "--yes", cwd=stack)
    assert done.code == 0, done.err
    assert f"Port {ports['ws']} is free again (stopped {process.pid};" in done.out
    assert process.wait() == -signal.SIGTERM
    assert is_bindable(ports["ws"])


def test_a_dry_run_stops_nothing(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    done = devstack("ports", "--kill", "ws", "--dry-run", "--yes", cwd=stack)
    assert done.code == 0
    assert done.out.startswith("Would stop 1 process")
    assert process.poll() is None


def test_a_dry_run_on_a_free_port_says_that_there_is_nothing_to_stop(
    devstack: Run, stack: Path, ports: dict[str, int]
) -> None:
    done = devstack("ports", "--kill", "ws", "--dry-run", cwd=stack)
    assert (done.code, done.out) == (0, f"Port {ports['ws']} is free; nothing to stop.\n")


def test_a_foreign_server_needs_force(
    devstack: Run,
    stack: Path,
    ports: dict[str, int],
    spawned: Processes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=tmp_path_factory.mktemp("elsewhere"))
    refused = devstack("ports", "--kill", "ws", "--yes", cwd=stack)
    assert refused.code == 5
    assert "--force" in refused.out
    assert process.poll() is None
    assert devstack("ports", "--kill", "ws", "--yes", "--force", cwd=stack).code == 0
    assert process.wait() == -signal.SIGTERM


def test_force_alone_is_no_consent(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    assert devstack("ports", "--kill", "ws", "--force", cwd=stack).code == 5
    assert process.poll() is None


def test_a_leftover_of_our_dead_run_is_freed(
    devstack: Run,
    stack: Path,
    ports: dict[str, int],
    spawned: Processes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=tmp_path_factory.mktemp("elsewhere"))
    record_run(stack, process, ports=(ports["ws"],))
    assert parsed(devstack("ports", "--json", "ws", cwd=stack))["ports"][0]["state"] == "ours"
    assert devstack("ports", "--kill", "ws", "--yes", cwd=stack).code == 0
    assert process.wait() == -signal.SIGTERM


def test_what_a_living_devstack_watches_is_not_killed_under_it(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    own = process_facts.kin(os.getpid())
    assert own is not None
    record_run(stack, process, ports=(ports["ws"],), supervisor=own.id)
    done = devstack("ports", "--kill", "ws", "--yes", "--force", cwd=stack)
    assert done.code == 5
    assert "devstack stop ws" in done.out
    assert process.poll() is None


def test_a_free_port_needs_no_consent(devstack: Run, stack: Path) -> None:
    done = devstack("ports", "--kill", "ws", cwd=stack)
    assert done.code == 0
    assert "nothing to stop" in done.out


def test_several_ports_and_a_range_are_freed_together(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    pair = [hold(spawned, ("127.0.0.1", ports[name]), cwd=stack) for name in ("web", "ws")]
    done = devstack("ports", "--kill", "web", f"{ports['ws']}-{ports['ws']}", "--yes", cwd=stack)
    assert done.code == 0
    assert [process.wait() for process in pair] == [-signal.SIGTERM] * 2


def test_what_else_becomes_free_is_said(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    hold(spawned, ("127.0.0.1", ports["ws"]), ("127.0.0.1", ports["web"]), cwd=stack)
    assert f"It also holds {ports['web']}" in devstack("ports", "--kill", "ws", "--dry-run", cwd=stack).out


def test_the_json_of_kill_tells_what_was_stopped(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    body = parsed(devstack("ports", "--kill", "ws", "--yes", "--json", cwd=stack))
    (entry,) = body["ports"]
    assert (entry["port"], entry["service"], entry["outcome"]) == (ports["ws"], "ws", "freed")
    assert entry["stopped"] == [process.pid]
    assert [one["pid"] for one in body["stop"]] == [process.pid]
    assert "error" not in body


def test_the_json_of_a_refusal_is_complete_and_has_the_error(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    done = devstack("ports", "--kill", "ws", "--json", cwd=stack)
    body = parsed(done)
    assert body["error"]["code"] == done.code == 5
    assert body["error"]["kind"] == "refused"
    assert body["stop"][0]["pid"] == process.pid
    assert process.poll() is None


def test_a_port_that_comes_back_is_exit_3(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    loop = "import subprocess, sys\nwhile True: subprocess.run(sys.argv[1:], stdin=sys.stdin)"
    respawner = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack, prefix=[sys.executable, "-c", loop])
    done = devstack("ports", "--kill", "ws", "--yes", cwd=stack)
    respawner.kill()
    assert done.code == 3
    assert f"(pid {respawner.pid})" in done.out


def test_a_port_used_by_an_outgoing_connection_is_exit_3_and_nobody_dies(
    devstack: Run, stack: Path, ports: dict[str, int]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", ports["ws"]))
        client.connect(server.getsockname())
        done = devstack("ports", "--kill", "ws", "--yes", cwd=stack)
        assert parsed(devstack("ports", "--json", "ws", cwd=stack))["ports"][0]["state"] == "client"
    assert done.code == 3
    assert "connection" in done.out


def test_a_client_that_talks_to_the_port_survives(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack, echo=True)
    code = (
        f"import socket, sys; s = socket.create_connection(('127.0.0.1', {ports['ws']})); s.sendall(b'x'); s.recv(1)\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    client = start(spawned, [sys.executable, "-c", code], cwd=stack)
    assert devstack("ports", "--kill", "ws", "--yes", cwd=stack).code == 0
    assert client.poll() is None


def test_grace_is_kept_before_kill(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack, ignore_term=True)
    done = devstack("ports", "--kill", "ws", "--yes", "--grace", "200ms", cwd=stack)
    assert done.code == 0
    assert "had to kill" in done.out
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("grace", ["5", "soon", "-1s"])
def test_a_grace_that_is_no_duration_is_one_clear_error(devstack: Run, stack: Path, grace: str) -> None:
    done = devstack("ports", "--kill", "ws", f"--grace={grace}", cwd=stack)
    assert done.code == 2
    assert "--grace" in done.err


def test_kill_without_a_port_is_a_usage_error(devstack: Run, stack: Path) -> None:
    assert devstack("ports", "--kill", cwd=stack).code == 2


@pytest.mark.skipif(not is_root(), reason="imitates another user")
def test_the_server_of_another_user_stays(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack, uid=65534)
    done = devstack("ports", "--kill", "ws", "--yes", "--force", cwd=stack)
    assert done.code == 5
    assert "another user" in done.out
    assert process.poll() is None


def test_a_container_proxy_is_never_killed_and_its_container_is_named(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes, tmp_path: Path
) -> None:
    shutil.copy(Path(sys.executable).resolve(), tmp_path / "docker-proxy")
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(f"#!/bin/sh\nprintf 'api-1\\t0.0.0.0:{ports['ws']}->80/tcp\\tapp\\tapi\\n'\n")
    docker.chmod(0o755)
    code = (
        f"import socket, sys; s = socket.create_server(('127.0.0.1', {ports['ws']}))\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    home = {"PYTHONHOME": sys.base_prefix}
    proxy = start(spawned, [str(tmp_path / "docker-proxy"), "-c", code], env=home, cwd=stack)
    env = {"PATH": f"{docker.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = devstack("ports", "--kill", "ws", "--yes", "--force", cwd=stack, env=env)
    assert done.code == 5
    assert "docker compose -p app stop api" in done.out
    assert proxy.poll() is None
    assert listeners([ports["ws"]])


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_two_programs_on_one_port_are_pointed_out(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    hold(spawned, ("127.0.0.1", ports["ws"]))
    hold(spawned, ("::1", ports["ws"]))
    assert "different processes answer on IPv4" in devstack("ports", "ws", cwd=stack).out


def test_at_a_terminal_the_person_is_asked(stack: Path, ports: dict[str, int], spawned: Processes) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack)
    assert "nothing was stopped" in answer(stack, b"n\n").lower()
    assert process.poll() is None
    assert "is free again" in answer(stack, b"y\n")
    assert process.wait() == -signal.SIGTERM


def answer(stack: Path, reply: bytes) -> str:
    """Run `ports --kill ws` at a pseudo-terminal, reply to its question, return everything it wrote."""
    import pty

    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "devstack", "ports", "--kill", "ws"],
        cwd=stack,
        env=clean_environment({"TERM": "xterm"}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    text = b""
    try:
        while select.select([ours], [], [], PATIENCE)[0]:
            try:
                text += os.read(ours, 4096)
            except OSError:
                break
            if text.endswith(b"[y/N] "):
                os.write(ours, reply)
    finally:
        os.close(ours)
        command.wait()
    return text.decode()
