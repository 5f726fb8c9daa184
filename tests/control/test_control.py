"""Server and client over a real socket; the run behind them is a hub whose state the test moves."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from devstack.control.client import ControlClient
from devstack.control.protocol import LONGEST_PATH, SOCKET, socket_path
from devstack.control.server import ControlServer, is_own_peer
from devstack.errors import NotRunningError, RefusedError, UsageError
from devstack.host.private_folder import PrivateFolder
from devstack.run.events import OutputBlock, RunFinished, ServiceReady
from devstack.run.facts import Fact, RestartRequested, ShutdownRequested, StartRequested, StopRequested
from devstack.run.state import Phase, Probe, ServiceState
from tests.conftest import PATIENCE
from tests.control.runs import Run
from tests.e2e.programs import sleeps


def test_only_the_owner_can_open_the_socket(server: ControlServer, folder: PrivateFolder) -> None:
    assert stat.S_IMODE((folder.path / SOCKET).lstat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_the_mask_of_new_files_is_left_to_the_other_threads(
    run: Run, folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[int] = []
    monkeypatch.setattr(os, "umask", changed.append)
    control = ControlServer(folder, run.hub)
    control.start()
    control.close()
    assert changed == []


def test_state_names_phase_pid_port_and_why_a_service_waits(run: Run, client: ControlClient) -> None:
    probe = Probe(ok=False, detail="connection refused")
    starting = ServiceState(phase=Phase.STARTING, generation=1, since=5.0, pid=42, probe=probe)
    services = MappingProxyType({**run.hub.state.services, "server": starting})
    run.hub.publish(ServiceReady(service="x"), replace(run.hub.state, services=services))
    server, web = client.state()["services"]
    assert {key: server[key] for key in ("name", "phase", "pid", "port", "since", "waiting_for")} == {
        "name": "server",
        "phase": "starting",
        "pid": 42,
        "port": 3001,
        "since": 5.0,
        "waiting_for": [],
    }
    assert server["last_probe"] == {"ok": False, "detail": "connection refused"}
    assert web["waiting_for"] == ["server"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("stop", StopRequested(services=("web",))),
        ("start", StartRequested(services=("web",))),
        ("restart", RestartRequested(services=("web",))),
    ],
)
def test_a_request_becomes_one_fact(run: Run, client: ControlClient, action: str, expected: Fact) -> None:
    assert client.post(action, ("web",))["asked"] == ["web"]
    assert run.posted == [expected]


def test_all_means_every_service_of_the_run(run: Run, client: ControlClient) -> None:
    client.post("restart", everything=True)
    assert run.posted == [RestartRequested(services=("server", "web"))]


def test_a_bug_is_told_and_takes_nothing_with_it(
    run: Run, folder: PrivateFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    def replace_stack(yes: bool) -> None:
        raise KeyError("a secret value")

    server = ControlServer(
        folder, run.hub, replace_stack=replace_stack, survive=lambda problem: f"a {type(problem).__name__}"
    )
    server.start()
    try:
        with pytest.raises(RefusedError, match="a KeyError"):
            ControlClient(folder).post("restart", everything=True)
        assert ControlClient(folder).state()["ready"] is False
    finally:
        server.close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("body", [b"{", b"", b"[1"])
def test_a_request_that_is_no_json_is_refused(
    server: ControlServer, folder: PrivateFolder, body: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(folder.path / SOCKET))
        head = b"POST /stop HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
            body
        )
        connection.sendall(head + body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert capfd.readouterr().err == ""


def test_down_asks_for_an_orderly_end(run: Run, client: ControlClient) -> None:
    client.post("down")
    assert run.posted == [ShutdownRequested(reason="devstack down", code=0)]


def test_an_unknown_service_is_refused_with_the_nearest_name(run: Run, client: ControlClient) -> None:
    with pytest.raises(UsageError) as caught:
        client.post("restart", ("wbe",))
    assert caught.value.hint == "did you mean `web`?"
    with pytest.raises(UsageError):
        client.wait("nothing", "ready", timeout=1)
    assert run.posted == []


def test_a_stack_that_stops_takes_no_more_requests(run: Run, client: ControlClient) -> None:
    run.hub.state = replace(run.hub.state, stopping=True)
    with pytest.raises(RefusedError, match="is stopping"):
        client.post("start", ("web",))


def later(action: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def lines_of_events(folder: PrivateFolder, query: str = "") -> Iterator[dict[str, object]]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(os.fspath(folder.path / SOCKET))
        connection.sendall(f"GET /events{query} HTTP/1.0\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            while answer.readline().strip():
                pass
            for line in answer:
                if line.startswith(b"{"):
                    yield json.loads(line)


def test_events_begin_with_the_state_and_end_with_the_run(
    run: Run, server: ControlServer, folder: PrivateFolder
) -> None:
    events = lines_of_events(folder)
    assert next(events)["event"] == "state"
    run.hub.publish(OutputBlock(service="web", generation=1, data=b"hello\n"))
    run.move("web", Phase.READY)
    run.hub.publish(RunFinished(code=0))
    assert [one["event"] for one in events] == ["service.output", "service.ready", "run.finished"]


def test_events_can_leave_output_away(run: Run, server: ControlServer, folder: PrivateFolder) -> None:
    events = lines_of_events(folder, "?output=0")
    next(events)
    run.hub.publish(OutputBlock(service="web", generation=1, data=b"hello\n"))
    run.hub.publish(RunFinished(code=0))
    assert [one["event"] for one in events] == ["run.finished"]


def test_nothing_is_imported_before_the_first_client() -> None:
    code = """
import sys, time
from pathlib import Path
from devstack.control.server import ControlServer, is_own_peer
from devstack.host.private_folder import PrivateFolder
from devstack.run.hub import Hub
server = ControlServer(PrivateFolder.beside(Path(sys.argv[1])), Hub(time.time))
server.start()
print(sorted({"uvicorn", "starlette", "asyncio", "h11"} & set(sys.modules)))
server.close()
"""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            [sys.executable, "-c", code, place], capture_output=True, text=True, check=True, timeout=60
        )
    assert done.stdout.strip() == "[]"


def test_without_a_run_the_answer_is_clear(folder: PrivateFolder) -> None:
    with pytest.raises(NotRunningError, match="no stack is running"):
        ControlClient(folder).state()
    folder.create()
    with pytest.raises(NotRunningError, match="no stack is running"):
        ControlClient(folder).state()


def test_a_dead_socket_is_told_apart_and_replaced_by_the_next_run(run: Run, folder: PrivateFolder) -> None:
    folder.create()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(folder.path / SOCKET))
    with pytest.raises(NotRunningError, match="ended without saying so"):
        ControlClient(folder).state()
    server = ControlServer(folder, run.hub)
    server.start()
    assert ControlClient(folder).state()["services"]
    server.close()
    assert not (folder.path / SOCKET).exists()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b'HTTP/1.1 200 OK\r\n\r\n{"version": 1'])
def test_a_run_that_dies_while_it_answers_is_told_as_such(folder: PrivateFolder, answer: bytes) -> None:
    folder.create()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(folder.path / SOCKET))
        listener.listen()

        def answer_and_die() -> None:
            with listener.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = later(answer_and_die)
        with pytest.raises(NotRunningError, match="ended without saying so"):
            ControlClient(folder).state()
        thread.join()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give a folder away"
)
def test_another_users_run_is_not_touched(run: Run, tmp_path: Path) -> None:
    folder = PrivateFolder.beside(tmp_path)
    server = ControlServer(folder, run.hub)
    server.start()
    os.chown(folder.path, 65534, 65534)
    try:
        with pytest.raises(RefusedError, match="another user"):
            ControlClient(folder).state()
    finally:
        os.chown(folder.path, 0, 0)
        server.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to become another")
def test_another_user_is_recognised_by_his_socket() -> None:
    os.seteuid(65534)
    try:
        foreign = socket.socketpair()
    finally:
        os.seteuid(0)
    own = socket.socketpair()
    assert is_own_peer(own[0])
    assert not is_own_peer(foreign[0])
    for end in (*own, *foreign):
        end.close()


def test_a_folder_with_a_long_path_has_its_socket_elsewhere(run: Run, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    folder = PrivateFolder.beside(deep)
    server = ControlServer(folder, run.hub)
    server.start()
    path = socket_path(folder)
    assert path is not None
    assert len(os.fsencode(path)) <= LONGEST_PATH
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert ControlClient(folder).state()["services"]
    server.close()
    assert not path.parent.exists()
    with pytest.raises(NotRunningError):
        ControlClient(folder).state()


def test_the_elsewhere_of_a_killed_run_is_cleaned_up_by_the_next(run: Run, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    folder = PrivateFolder.beside(deep)
    killed, following = ControlServer(folder, run.hub), ControlServer(folder, run.hub)
    killed.start()
    left = socket_path(folder)
    assert left is not None
    following.start()
    assert not left.parent.exists()
    assert ControlClient(folder).state()["services"]
    following.close()
    killed.close()


def test_close_without_any_client_ends_at_once(run: Run, folder: PrivateFolder) -> None:
    server = ControlServer(folder, run.hub)
    server.start()
    server.close()
    assert not any(thread.name == "control" for thread in threading.enumerate())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads context switches from /proc")
def test_the_server_sleeps_while_nobody_asks(run: Run, server: ControlServer, client: ControlClient) -> None:
    client.state()
    assert sleeps(next(one for one in threading.enumerate() if one.name == "control"))
