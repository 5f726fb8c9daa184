"""`devstack ports` as people and programs use it: the real command line, real servers."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from devstack.host import process_facts, state_file
from devstack.host.listening import is_bindable, listeners
from devstack.host.model import ProcessId
from devstack.host.private_folder import PrivateFolder
from devstack.host.state_file import RunRecord, ServiceRecord
from tests.conftest import Outcome, clean_environment
from tests.port_programs import Processes, has_ipv6, hold, is_root, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
FreePort = Callable[[], int]
Tree = Callable[[Mapping[str, str | bytes]], Path]
Run = Callable[..., Outcome]

STACK = """
name = "app"
[services.web]
type = "command"
command = "true"
port = {web}
[services.web.ports]
hmr = {hmr}
[services.ws]
type = "command"
command = "true"
port = {ws}
"""


@pytest.fixture
def ports(free_port: FreePort) -> dict[str, int]:
    return {"web": free_port(), "hmr": free_port(), "ws": free_port()}


@pytest.fixture
def stack(tree: Tree, ports: dict[str, int]) -> Path:
    """A checkout with two services and three ports."""
    return tree({"stack.toml": STACK.format(**ports), ".git/HEAD": "", "server/x": ""})


def parsed(outcome: Outcome) -> dict[str, Any]:
    """The one JSON object on standard output."""
    found = json.loads(outcome.out)
    assert isinstance(found, dict)
    return found


# --- showing ----------------------------------------------------------------------------------------------------


def test_every_declared_port_and_role_is_listed(devstack: Run, stack: Path, ports: dict[str, int]) -> None:
    done = devstack("ports", cwd=stack)
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines() if not line.startswith(" ")]
    assert rows[1:] == [
        [str(ports["web"]), "web", "main", "free"],
        [str(ports["hmr"]), "web", "hmr", "free"],
        [str(ports["ws"]), "ws", "main", "free"],
    ]


def test_a_held_port_shows_who_holds_it(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack / "server")
    done = devstack("ports", "ws", cwd=stack, env={"COLUMNS": "140"})
    row = done.out.splitlines()[1].split()
    assert row[:6] == [str(ports["ws"]), "ws", "main", "held", "same-repo", str(process.pid)]
    assert row[-1] == "./server"


def test_the_json_has_the_keys_of_the_contract(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack / "server")
    body = parsed(devstack("ports", "--json", cwd=stack))
    assert body["version"] == 1
    assert [(entry["port"], entry["service"], entry["role"], entry["state"]) for entry in body["ports"]] == [
        (ports["web"], "web", "main", "free"),
        (ports["hmr"], "web", "hmr", "free"),
        (ports["ws"], "ws", "main", "held"),
    ]
    (holder,) = body["ports"][2]["holders"]
    assert holder["pid"] == process.pid
    assert holder["class"] == "same-repo"
    assert holder["address"] == "127.0.0.1"
    assert holder["cwd"] == str(stack / "server")
    assert holder["user"] == process_facts.user_name(os.geteuid())
    assert holder["started_at"] > 1e9
    assert "python" in holder["command"]


def test_ports_work_without_a_stack(
    devstack: Run, tmp_path: Path, free_port: FreePort, spawned: Processes
) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), cwd=tmp_path)
    body = parsed(devstack("ports", "--json", str(port), cwd=tmp_path))
    assert body["ports"][0]["holders"][0]["pid"] == process.pid
    assert body["ports"][0]["service"] is None


def test_all_lists_every_listener_and_names_the_declared_ones(
    devstack: Run, stack: Path, ports: dict[str, int], free_port: FreePort, spawned: Processes
) -> None:
    other = free_port()
    hold(spawned, ("127.0.0.1", ports["ws"]), ("127.0.0.1", other))
    found = {
        entry["port"]: entry["service"]
        for entry in parsed(devstack("ports", "--all", "--json", cwd=stack))["ports"]
    }
    assert found[ports["ws"]] == "ws"
    assert found[other] is None
    assert ports["web"] not in found


def test_all_works_without_a_stack(devstack: Run, tmp_path: Path) -> None:
    assert devstack("ports", "--all", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("3000-3002", [3000, 3001, 3002]),
        ("3001", [3001]),
    ],
)
def test_numbers_and_ranges_are_taken(
    devstack: Run, tmp_path: Path, target: str, expected: list[int]
) -> None:
    body = parsed(devstack("ports", "--json", target, cwd=tmp_path))
    assert [entry["port"] for entry in body["ports"]] == expected


@pytest.mark.parametrize("target", ["web", "web.hmr", "web:hmr"])
def test_services_and_roles_are_taken(devstack: Run, stack: Path, ports: dict[str, int], target: str) -> None:
    body = parsed(devstack("ports", "--json", target, cwd=stack))
    expected = [ports["web"], ports["hmr"]] if target == "web" else [ports["hmr"]]
    assert [entry["port"] for entry in body["ports"]] == expected


def test_several_targets_name_each_port_once(devstack: Run, stack: Path, ports: dict[str, int]) -> None:
    body = parsed(devstack("ports", "--json", "ws", str(ports["ws"]), "web.hmr", cwd=stack))
    assert [entry["port"] for entry in body["ports"]] == [ports["ws"], ports["hmr"]]


@pytest.mark.parametrize(
    "target", ["0", "65536", "99999999999", "30-20", "wsx", "-1-", "3000-", "web.hmrr", "\x1b[31m"]
)
def test_a_target_that_means_nothing_is_one_clear_error(devstack: Run, stack: Path, target: str) -> None:
    done = devstack("ports", "--", target, cwd=stack)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_near_name_is_suggested(devstack: Run, stack: Path) -> None:
    assert "did you mean `web`?" in devstack("ports", "wbe", cwd=stack).err


def test_without_a_stack_and_without_ports_the_error_says_what_works(devstack: Run, tmp_path: Path) -> None:
    done = devstack("ports", cwd=tmp_path)
    assert done.code == 2
    assert "--all" in done.err


def test_an_error_is_valid_json_where_json_was_asked_for(devstack: Run, tmp_path: Path) -> None:
    done = devstack("ports", "--json", cwd=tmp_path)
    assert parsed(done)["error"]["code"] == done.code == 2


@pytest.mark.parametrize(
    ("port", "remark"),
    [(6000, "browsers refuse"), (40000, "outgoing connections"), (3001, None)],
)
def test_a_declared_port_that_is_a_bad_choice_is_remarked(
    devstack: Run, tree: Tree, port: int, remark: str | None
) -> None:
    folder = tree({"stack.toml": f'[services.a]\ntype = "node"\nport = {port}\n', ".git/HEAD": ""})
    (entry,) = parsed(devstack("ports", "--json", cwd=folder))["ports"]
    if entry["state"] != "free":
        pytest.skip(f"somebody holds port {port} here")
    assert (entry["note"] is None) if remark is None else (remark in entry["note"])


def test_a_stack_with_mistakes_still_shows_the_ports_that_can_be_read(devstack: Run, tree: Tree) -> None:
    folder = tree({"stack.toml": '[services.a]\ntype = "node"\nport = 3001\ncolour = "red"\n'})
    assert [entry["port"] for entry in parsed(devstack("ports", "--json", cwd=folder))["ports"]] == [3001]


def test_options_of_kill_alone_are_refused(devstack: Run, stack: Path) -> None:
    assert devstack("ports", "--yes", cwd=stack).code == 2


def test_control_characters_and_secrets_of_command_lines_are_not_shown(
    devstack: Run, tmp_path: Path, free_port: FreePort, spawned: Processes
) -> None:
    port = free_port()
    code = (
        f"import socket, sys; s = socket.create_server(('127.0.0.1', {port}))\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    start(spawned, [sys.executable, "-c", code, "--token=hunter2hunter2", "\x1b[2Jx", "ws://u:pw@h/"])
    for form in ((), ("--json",)):
        done = devstack("ports", *form, str(port), cwd=tmp_path, env={"COLUMNS": "400"})
        assert "hunter2" not in done.out
        assert "u:pw" not in done.out
        assert "\x1b" not in done.out


def test_colours_only_where_they_are_wanted(devstack: Run, stack: Path) -> None:
    assert "\x1b[" not in devstack("ports", cwd=stack).out
    assert "\x1b[" in devstack("ports", cwd=stack, env={"FORCE_COLOR": "1"}).out
    assert "\x1b[" not in devstack("ports", cwd=stack, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out


def test_a_moved_port_of_a_living_run_is_shown_with_the_declared_one(
    devstack: Run, stack: Path, ports: dict[str, int], free_port: FreePort, spawned: Processes
) -> None:
    moved = free_port()
    process = hold(spawned, ("127.0.0.1", moved))
    record_run(stack, process, ports=(moved,))
    body = parsed(devstack("ports", "--json", "ws", cwd=stack))
    (entry,) = body["ports"]
    assert (entry["port"], entry["declared"], entry["state"]) == (moved, ports["ws"], "ours")
    assert f"{moved} (for {ports['ws']})" in devstack("ports", cwd=stack).out


def record_run(
    stack: Path,
    process: subprocess.Popen[bytes],
    *,
    ports: tuple[int, ...],
    supervisor: ProcessId | None = None,
) -> None:
    """Write the state file of a run that started `process` as service `ws`."""
    place = process_facts.kin(process.pid)
    assert place is not None
    folder = PrivateFolder.beside(stack)
    folder.create()
    gone = ProcessId(pid=2**22 - 1, started_at=1.0)
    state_file.save(
        folder,
        RunRecord(
            run="run-1",
            boot=state_file.boot_id(),
            supervisor=supervisor or gone,
            services={"ws": ServiceRecord(id=place.id, ports=ports)},
        ),
    )


def test_watch_prints_again_when_something_changed(
    tmp_path: Path, free_port: FreePort, spawned: Processes
) -> None:
    port = free_port()
    watcher = subprocess.Popen(
        [sys.executable, "-m", "devstack", "ports", "--watch", "--json", str(port)],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    spawned.append(watcher)
    assert watcher.stdout is not None
    assert json.loads(watcher.stdout.readline())["ports"][0]["state"] == "free"
    process = hold(spawned, ("127.0.0.1", port))
    assert json.loads(watcher.stdout.readline())["ports"][0]["holders"][0]["pid"] == process.pid
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait(timeout=10) == 130


# --- freeing ----------------------------------------------------------------------------------------------------


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
        while select.select([ours], [], [], 20)[0]:
            try:
                text += os.read(ours, 4096)
            except OSError:
                break
            if text.endswith(b"[y/N] "):
                os.write(ours, reply)
    finally:
        os.close(ours)
        command.wait(timeout=20)
    return text.decode()
