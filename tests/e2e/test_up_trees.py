"""What people really start: runners and reloaders with trees of their own, of which nothing may be left."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import NODE_MODULES
from tests.e2e.conftest import Run
from tests.e2e.programs import PYTHON, SERVER, eventually, tagged, toml

pytestmark = pytest.mark.e2e
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Port = Callable[[], int]

NODE = "require('http').createServer((q, s) => s.end('hi')).listen(process.env.PORT, '127.0.0.1')\n"
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hi"})
"""
PROGRAMS = {
    "uvicorn --reload": (f"{PYTHON} -m uvicorn app:app --reload --port $PORT", None),
    "a shell behind a shell": (f"sh -c 'sh -c \"{PYTHON} server.py; true\"; true'", None),
    "two in the background": (f"sleep 1000 & sleep 1000 & {PYTHON} server.py", None),
    "nodemon": ("node node_modules/nodemon/bin/nodemon.js server.js", "nodemon"),
    "npx": ("npx --no-install nodemon server.js", "nodemon"),
    "setsid": (f"setsid --wait {PYTHON} server.py", None),
}


def prepared(tree: Tree, port: int, kind: str) -> Path:
    command, package = PROGRAMS[kind]
    if package is not None and (shutil.which("npx") is None or not (NODE_MODULES / package).exists()):
        pytest.skip(f"needs npm and {package}")
    services = {"a": {"command": command, "port": port}}
    folder = tree({"stack.toml": toml(services), "app.py": ASGI, "server.py": SERVER, "server.js": NODE})
    if package is not None:
        (folder / "node_modules").symlink_to(NODE_MODULES)
        (folder / "package.json").write_text('{"private": true}')
    return folder


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("kind", PROGRAMS)
def test_ctrl_c_returns_when_the_whole_tree_is_gone_and_the_port_is_free(
    tree: Tree, up: Up, free_port: Port, kind: str
) -> None:
    port = free_port()
    run = up("--no-doctor", cwd=prepared(tree, port, kind))
    run.until("service.ready", service="a")
    assert run.interrupt() == 130
    assert tagged(run.events[0]["run"]) == []
    assert is_free(port)


@pytest.mark.parametrize("kind", ["uvicorn --reload", "npx", "setsid"])
def test_after_kill_9_of_devstack_the_whole_tree_is_gone_too(
    tree: Tree, up: Up, free_port: Port, kind: str
) -> None:
    port = free_port()
    run = up("--no-doctor", cwd=prepared(tree, port, kind))
    run.until("service.ready", service="a")
    run.process.kill()
    run.wait()
    assert eventually(lambda: not tagged(run.events[0]["run"]) and is_free(port), timeout=5)


def test_a_restart_of_a_shell_with_helpers_leaves_none_of_the_first_ones(
    tree: Tree, up: Up, free_port: Port
) -> None:
    port = free_port()
    run = up("--no-doctor", cwd=prepared(tree, port, "two in the background"))
    run.until("service.ready", service="a")
    (server,) = [
        pid
        for pid in tagged(run.events[0]["run"])
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(os.fsencode(sys.executable))
    ]
    os.kill(server, signal.SIGKILL)
    run.until("service.exited", service="a")
    run.until("service.ready", service="a")
    assert len(tagged(run.events[0]["run"])) == 4  # the shell, two sleepers and the server, once
    assert run.interrupt() == 130
