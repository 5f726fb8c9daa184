"""The WebSocket part of `devstack up`'s gates, with real servers that verify real tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.port_programs import has_ipv6

pytestmark = [pytest.mark.e2e]
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]

# SECRET verifies; MODE decides what the server does. Every connection attempt is written to `asked`.
SERVER = """
import http, json, os, sys
import asyncio
import jwt
from dotenv import load_dotenv
from websockets.asyncio.server import serve
load_dotenv()
SECRET, MODE = os.environ.get("JWT_SECRET", ""), os.environ.get("MODE", "")

def ask(connection, request):
    path, _, query = request.path.partition("?")
    if request.headers.get("Upgrade") is None:
        return connection.respond(http.HTTPStatus.OK, "ok")
    token = query.removeprefix("token=")
    with open("asked", "a") as log:
        log.write(json.dumps({"path": path, "origin": request.headers.get("Origin"), "token": bool(token),
                              "protocols": request.headers.get("Sec-WebSocket-Protocol")}) + "\\n")
    if path != "/ws":
        return connection.respond(http.HTTPStatus.NOT_FOUND, "no such path")
    if MODE != "open":
        try:
            jwt.decode(token, SECRET, algorithms=["HS256"])
        except jwt.PyJWTError:
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "invalid token")

async def talk(ws):
    if MODE == "vite":
        await ws.send('{"type":"connected"}')
    if MODE == "closes":
        await ws.close(4408, "too late")
    async for message in ws:
        await ws.send(message)

async def main():
    protocols = ["chat"] if MODE == "chat" else None
    origins = ["http://localhost:3000"] if MODE == "origin" else None
    async with serve(talk, "127.0.0.1", int(os.environ["PORT"]), process_request=ask, subprotocols=protocols,
                     origins=origins):
        await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


def stack(port: int, *, socket: str = "", ready: str = "") -> str:
    return f"""
name = "sockets"
[services.ws]
type = "python"
dir = "ws"
command = "python server.py"
port = {port}
port_env = "PORT"
stop = {{ grace = "2s" }}
{ready}
[services.ws.websocket]
path = "/ws"
origin = "http://localhost:3000"
{socket}
[services.ws.websocket.token]
secret = "jwt"
[shared.jwt]
secret = true
members = ["web:JWT_SECRET", "ws:JWT_SECRET"]
[services.web]
type = "command"
dir = "web"
command = "sleep 1000"
depends_on = ["ws"]
env = {{ files = [".env"], on_change = "ignore" }}
"""


SECRET = "k2T9wXqL5mZpR7vNc4tYb8sHd3fGj6aEu1"
OTHER = "b7Qm2Xr9Lk4Wp6Tz1Vn8Cy5Hd3Fs0Gj7aaa"


def files(stack_toml: str, *, web: str = SECRET, ws: str = SECRET, mode: str = "") -> dict[str, str]:
    return {
        "stack.toml": stack_toml,
        "ws/server.py": SERVER,
        "ws/.env": f"JWT_SECRET={ws}\nMODE={mode}\n",
        "web/.env": f"JWT_SECRET={web}\n",
    }


def asked(root: Path) -> list[str]:
    log = root / "ws" / "asked"
    return log.read_text().splitlines() if log.exists() else []


def start(up: Up, root: Path, *argv: str) -> Run:
    return up("--no-doctor", *argv, cwd=root)


def test_ready_means_that_a_client_with_token_and_origin_gets_in(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    root = tree(files(stack(free_port(), socket="rejects_bad_token = true")))
    run = start(up, root)
    ready = run.until("service.ready", service="ws")
    assert "WebSocket opens and stays open" in ready["detail"]
    (only,) = asked(root)
    assert '"token": true' in only and '"origin": "http://localhost:3000"' in only
    run.until("run.ready")
    assert SECRET not in str(run.events)


def test_a_refused_token_is_named_asked_once_and_the_service_lives(
    tree: Tree, up: Up, free_port: Callable[[], int], devstack: Callable[..., Outcome]
) -> None:
    root = tree(files(stack(free_port(), ready='ready = { tcp = true, within = "15s" }'), web=OTHER))
    run = start(up, root)
    began = run.until("service.started", service="ws")["t"]
    missed = run.until("service.probe_failed", service="ws")
    while "WebSocket" not in missed["detail"]:
        missed = run.until("service.probe_failed", service="ws")
    assert missed["detail"].startswith("WebSocket: unauthorized: refused at the upgrade with HTTP 401")
    assert "signature mismatch" in missed["detail"]
    assert "WebSocket: unauthorized" in devstack("ps", cwd=root).out
    before = len(asked(root))

    # Longer than its budget: the process stays, and nobody asks it again.
    with pytest.raises(AssertionError, match=r"no service\.stopping"):
        run.until("service.stopping", timeout=max(0.1, began + 16 - time.time()))
    assert len(asked(root)) == before

    # The signer's value changes: another token is sent, and the socket opens without a restart.
    (root / "web" / ".env").write_text(f"JWT_SECRET={SECRET}\n")
    ready = run.until("service.ready", service="ws")
    assert ready["generation"] == 1
    run.until("run.ready")


def test_a_refusal_fails_a_start_that_nobody_watches(
    tree: Tree, free_port: Callable[[], int], devstack: Callable[..., Outcome]
) -> None:
    root = tree(files(stack(free_port(), ready='ready = { tcp = true, within = "10s" }'), web=OTHER))
    told = devstack("up", "--wait", "--no-doctor", cwd=root)
    assert told.code == 4
    assert "unauthorized" in told.out + told.err


def test_a_restarted_server_is_asked_again(tree: Tree, up: Up, free_port: Callable[[], int]) -> None:
    root = tree(files(stack(free_port()), ws=OTHER))
    run = start(up, root)
    run.until("service.probe_failed", service="ws")
    (root / "ws" / ".env").write_text(f"JWT_SECRET={SECRET}\nMODE=\n")
    assert run.until("service.ready", service="ws")["generation"] == 2


@pytest.mark.parametrize(
    ("mode", "socket", "says"),
    [
        ("origin", 'origin = "http://localhost:3999"', "origin-rejected"),
        ("", 'path = "/other"', "wrong-path"),
        ("chat", 'subprotocols = ["graph"]', "subprotocol-rejected"),
        ("closes", "", "closed: opened, then closed by the server with 4408"),
    ],
)
def test_every_other_refusal_is_named_with_its_code(
    tree: Tree, up: Up, free_port: Callable[[], int], mode: str, socket: str, says: str
) -> None:
    text = stack(free_port(), socket=socket)
    if "path" in socket:
        text = text.replace('path = "/ws"\n', "")
    if "origin" in socket:
        text = text.replace('origin = "http://localhost:3000"\n', "")
    run = start(up, tree(files(text, mode=mode)))
    while says not in run.until("service.probe_failed", service="ws")["detail"]:
        pass


@pytest.mark.parametrize("declared", ["expect = { close = [4408] }", "probe = false"])
def test_a_declared_outcome_passes_and_a_socket_may_be_left_alone(
    tree: Tree, up: Up, free_port: Callable[[], int], declared: str
) -> None:
    root = tree(files(stack(free_port(), socket=declared), mode="closes"))
    run = start(up, root)
    run.until("service.ready", service="ws")
    assert len(asked(root)) == (0 if "probe" in declared else 1)


def test_a_websocket_gate_may_be_the_only_one(tree: Tree, up: Up, free_port: Callable[[], int]) -> None:
    root = tree(files(stack(free_port(), ready="ready = { websocket = true }")))
    run = start(up, root)
    assert "WebSocket opens" in run.until("service.ready", service="ws")["detail"]
    assert len(asked(root)) == 1


def test_without_a_secret_a_refusal_is_a_note_that_says_why(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    run = start(up, tree(files(stack(free_port()), web="", ws="")))
    ready: dict[str, Any] = run.until("service.ready", service="ws")
    assert "no token could be minted: its secret has no value" in ready["note"]


def test_a_server_that_learns_its_path_late_is_waited_for(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    late = SERVER.replace('if path != "/ws":', 'if path != "/ws" or len(open("asked").readlines()) < 4:')
    root = tree({**files(stack(free_port())), "ws/server.py": late})
    run = start(up, root)
    assert run.until("service.ready", service="ws")["generation"] == 1


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_the_process_behind_the_port_must_be_ours(tree: Tree, up: Up, free_port: Callable[[], int]) -> None:
    """Another server on the other loopback address is not taken for ours, though `localhost` finds it first."""
    import socket

    port = free_port()
    root = tree(files(stack(port)))
    gate = "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.02)\n"
    (root / "ws" / "server.py").write_text(gate + SERVER)
    run = start(up, root)
    run.until("service.started", service="ws")
    with socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::1", port))
        other.listen()
        (root / "ws" / "go").touch()
        assert "WebSocket opens" in run.until("service.ready", service="ws")["detail"]
        assert run.interrupt() == 130
