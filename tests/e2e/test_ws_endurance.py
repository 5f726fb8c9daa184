"""`devstack ws` over time and in numbers: who drops a silent socket, how many open at once, what a restart does."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.conftest import ROOT, Outcome, clean_environment
from tests.e2e.conftest import Run

pytestmark = [pytest.mark.e2e]
Tree = Callable[[Mapping[str, str | bytes]], Path]
Handler = Callable[[ServerConnection], Awaitable[None]]
NGINX = shutil.which("nginx") or shutil.which("nginx", path=f"/usr/sbin:{ROOT}/tests/.nginx/usr/sbin")


async def listen(connection: ServerConnection) -> None:
    await connection.wait_closed()


@pytest.fixture
def server() -> Iterator[Callable[..., int]]:
    """Real WebSocket servers in threads: `server(handler, **options of serve)` gives the port."""
    ends: list[Callable[[], None]] = []

    def start(handler: Handler = listen, **options: Any) -> int:
        loop, started, ports = asyncio.new_event_loop(), threading.Event(), []

        async def run() -> None:
            over = asyncio.Event()
            ends.append(lambda: (loop.call_soon_threadsafe(over.set), thread.join(60), loop.close())[0])
            async with serve(handler, "127.0.0.1", 0, **{"ping_interval": None, **options}) as running:
                ports.append(running.sockets[0].getsockname()[1])
                started.set()
                await over.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
        thread.start()
        assert started.wait(60)
        return int(ports[0])

    yield start
    for end in ends:
        end()


@pytest.fixture
def ws(tmp_path: Path, devstack: Callable[..., Outcome]) -> Callable[..., dict[str, Any]]:
    def ask(target: str, *argv: str, cwd: Path = tmp_path) -> dict[str, Any]:
        told = devstack("ws", target, *argv, "--json", cwd=cwd)
        found: dict[str, Any] = json.loads(told.out)
        assert "error" not in found, found
        assert told.code == (0 if found["verdict"]["code"] == "ok" else 1)
        return found

    return ask


Ws = Callable[..., dict[str, Any]]
Server = Callable[..., int]


def step(told: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in told["steps"] if one["name"] == name)
    return found


@pytest.fixture
def idle_proxy() -> Iterator[Callable[[int, int], int]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(backend: int, milliseconds: int) -> int:
        command = [
            "node",
            str(ROOT / "tests" / "servers" / "idle_proxy.mjs"),
            str(backend),
            str(milliseconds),
        ]
        process = subprocess.Popen(
            command, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout
        return int(process.stdout.readline())

    yield start
    for process in started:
        process.communicate()


@pytest.mark.node
def test_a_proxy_that_drops_silence_is_told_from_a_crash_by_a_connection_with_pings(
    ws: Ws, server: Server, idle_proxy: Callable[[int, int], int]
) -> None:
    port = idle_proxy(server(), 2500)
    told = ws(f"ws://localhost:{port}/", "--idle", "60")
    assert "silence is the cause" in told["verdict"]["message"]
    (silent,) = map(float, re.findall(r"silent for ([\d.]+) s", told["verdict"]["message"]))
    (every,) = map(float, re.findall(r"ping every ([\d.]+) s", told["verdict"]["hint"]))
    assert (silent >= 2.5, every) == (True, pytest.approx(silent / 2, abs=0.1))
    assert told["verdict"]["browser"] == {"opened": True, "close_code": 1006}


def test_a_limit_on_the_age_of_a_connection_is_none_on_silence(ws: Ws, server: Server) -> None:
    async def retire(connection: ServerConnection) -> None:
        await asyncio.sleep(1.5)
        await connection.close(1001, "time is up")

    told = ws(f"ws://localhost:{server(retire)}/", "--idle", "60")
    assert told["verdict"]["code"] == "closed"
    assert "a limit on its age" in told["verdict"]["message"]


def test_a_server_that_pings_is_never_silent_and_that_is_said(ws: Ws, server: Server) -> None:
    told = ws(f"ws://localhost:{server(ping_interval=0.5)}/", "--idle", "2")
    assert told["verdict"]["code"] == "ok"
    assert "pinged by the server" in step(told, "close")["detail"]
    quiet = ws(f"ws://localhost:{server()}/", "--idle", "2")
    assert "silent" in step(quiet, "close")["detail"]


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize(("rest", "code", "says"), [
    ('proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; '
     "proxy_read_timeout 2s;", "crashed", "nginx answers here: see its proxy_read_timeout"),
    ("", "not-websocket", "the Upgrade header did not arrive"),
])  # fmt: skip
def test_a_real_nginx_is_named_with_the_setting_that_is_wrong(
    tmp_path: Path, ws: Ws, server: Server, free_port: Callable[[], int], rest: str, code: str, says: str
) -> None:
    port = free_port()
    folders = " ".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    location = f"location / {{ proxy_pass http://127.0.0.1:{server()}; {rest} }}"
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; error_log stderr; pid {tmp_path}/pid; events {{}}\n"
        f"http {{ access_log off; {folders} server {{ listen 127.0.0.1:{port}; {location} }} }}"
    )
    assert NGINX
    command = [NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while (told := ws(f"ws://localhost:{port}/", "--idle", "60"))["verdict"]["code"] == "not-listening":
            assert process.poll() is None
        assert told["verdict"]["code"] == code, told
        assert says in told["verdict"]["message"]
    finally:
        process.terminate()
        process.wait()


def test_as_many_as_asked_for_are_open_at_the_same_time(ws: Ws, server: Server) -> None:
    together = most = 0

    async def count(connection: ServerConnection) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await connection.wait_closed()
        together -= 1

    told = ws(f"ws://localhost:{server(count)}/", "--parallel", "20")
    assert told["verdict"]["code"] == "ok"
    assert step(told, "parallel")["detail"] == "20 of 20 open at the same time"
    assert most == 20


def test_a_limit_on_their_number_is_told_with_how_the_others_were_refused(ws: Ws, server: Server) -> None:
    together = 0

    async def count(connection: ServerConnection) -> None:
        nonlocal together
        together += 1
        await connection.wait_closed()
        together -= 1

    def refuse(connection: ServerConnection, _: Request) -> Response | None:
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full\n") if together >= 5 else None

    told = ws(f"ws://localhost:{server(count, process_request=refuse)}/", "--parallel", "12")
    assert told["verdict"]["code"] == "limited"
    assert "× HTTP 503" in told["verdict"]["message"]
    assert step(told, "parallel")["ok"] is False


SERVER = """
import asyncio, os, signal
from websockets.asyncio.server import serve

async def stay(socket):
    await socket.wait_closed()

async def main():
    over = asyncio.Event()
    if os.environ["POLITE"] == "yes":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with serve(stay, "127.0.0.1", int(os.environ["PORT"])):
        await over.wait()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("polite", "says"), [("yes", "closed with 1001"), ("no", "without a close frame: pages see 1006")]
)
def test_a_restart_shows_what_open_pages_see_and_that_they_get_in_again(
    tree: Tree, up: Callable[..., Run], ws: Ws, free_port: Callable[[], int], polite: str, says: str
) -> None:
    stack = f"""
[services.chat]
type = "python"
command = "python main.py"
port = {free_port()}
port_env = "PORT"
env = {{ set = {{ POLITE = "{polite}" }} }}
[services.chat.websocket]
path = "/"
"""
    root = tree({"stack.toml": stack, "main.py": SERVER})
    run = up("--no-doctor", cwd=root)
    run.until("run.ready")
    told = ws("chat", "--restart", cwd=root)
    assert says in step(told, "restart")["detail"]
    assert step(told, "reconnect")["ok"] is True
    assert told["verdict"]["code"] == "ok"
    assert run.interrupt() == 130


def test_a_restart_without_a_running_stack_is_one_clear_error(
    tree: Tree, devstack: Callable[..., Outcome], server: Server
) -> None:
    port = server()
    root = tree({"stack.toml": f'[services.chat]\ntype = "command"\ncommand = "true"\nport = {port}\n'})
    told = devstack("ws", "chat", "--restart", cwd=root)
    assert told.code == 6
    assert "no stack is running" in told.err


def test_the_page_under_the_other_name_of_this_machine_is_tried_as_well(
    tree: Tree, ws: Ws, server: Server
) -> None:
    port = server(origins=["http://localhost:5199"])
    stack = f"""
[services.web]
type = "vite"
dir = "web"
port = 5199
[services.chat]
type = "command"
command = "true"
port = {port}
[services.chat.websocket]
path = "/"
origin = "web"
"""
    told = ws("chat", cwd=tree({"stack.toml": stack}))
    assert told["verdict"]["code"] == "ok"
    assert "opened as http://127.0.0.1:5199 does not" in step(told, "origin")["detail"]
