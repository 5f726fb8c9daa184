"""Story 3: two WebSockets in one console; Vite's HMR socket is taken for the app's, or claims its port."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.e2e.stories.conftest import Doctor

pytestmark = [pytest.mark.e2e, pytest.mark.node, pytest.mark.timeout(600)]

BACKEND = """
import asyncio, os
from websockets.asyncio.server import serve

async def echo(ws):
    async for message in ws:
        await ws.send(message)

async def main():
    async with serve(echo, "127.0.0.1", int(os.environ["PORT"])):
        await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


def files(web: int, backend: int, hmr: int, url: str) -> dict[str, str]:
    return {
        "stack.toml": f"""
name = "hmr"
[services.web]
type = "vite"
dir = "web"
command = "node node_modules/vite/bin/vite.js --port {web} --strictPort"
port = {web}
[services.backend]
type = "python"
dir = "backend"
command = "python main.py"
port = {backend}
port_env = "PORT"
[services.backend.websocket]
path = "/"
origin = "web"
[[links]]
from = "web:VITE_WS_URL"
to = "backend"
""",
        ".gitignore": ".env\nnode_modules\n.devstack\n",
        "web/package.json": '{"private": true, "scripts": {"dev": "vite"}, "devDependencies": {"vite": "8.3.8"}}',
        "web/vite.config.js": f"export default {{ server: {{ hmr: {{ port: {hmr} }} }} }};\n",
        "web/index.html": '<!doctype html><script type="module" src="/main.js"></script>',
        "web/main.js": "new WebSocket(import.meta.env.VITE_WS_URL);\n",
        "web/.env": f"VITE_WS_URL={url}\n",
        "backend/main.py": BACKEND,
    }


def test_one_port_claimed_twice_is_found_in_the_files_alone(
    repository: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    doctor: Callable[..., Doctor],
    devstack: Callable[..., Outcome],
) -> None:
    web, backend = free_port(), free_port()
    root = repository(files(web, backend, backend, f"ws://localhost:{backend}/"), node=("web",))
    report = doctor(root)
    assert "hmr-port-clash" in report.errors
    assert "web/vite.config.js:1" in report.places("hmr-port-clash")
    refused = devstack("up", cwd=root)
    assert refused.code == 1
    assert "hmr-port-clash" in refused.out + refused.err

    # Whoever comes second fails: the backend ends, or Vite goes on without hot reload.
    run = up("--no-doctor", cwd=root)
    while "already in use" not in str(run.next()):
        pass


def test_an_hmr_socket_is_never_taken_for_the_app_s(
    repository: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    ws: Callable[..., dict[str, Any]],
    devstack: Callable[..., Outcome],
) -> None:
    web, backend, hmr = free_port(), free_port(), free_port()
    root = repository(files(web, backend, hmr, f"ws://localhost:{backend}/"), node=("web",))
    run = up(cwd=root)
    run.until("run.ready")
    assert ws(root, "backend")["verdict"]["code"] == "ok"
    assert ws(root, f"ws://localhost:{hmr}/ws")["verdict"]["code"] == "hmr-socket"
    assert ws(root, f"ws://localhost:{hmr}/ws", "--origin", "")["verdict"]["code"] == "hmr-socket"
    assert ws(root, f"ws://localhost:{web}/ws", "--timeout", "3")["verdict"]["code"] == "dev-server"
    told = json.loads(devstack("ports", "--json", cwd=root).out)["ports"]
    assert {(row["port"], row["service"], row["role"], row["state"]) for row in told} == {
        (web, "web", "main", "ours"),
        (hmr, "web", "hmr", "ours"),
        (backend, "backend", "main", "ours"),
    }
    assert "`server.hmr.port` of vite.config.js (web/vite.config.js:1)" in devstack("ports", cwd=root).out
    assert "harmless" in devstack("explain", "hmr-socket", cwd=root).out
    assert run.interrupt() == 130


def test_a_container_name_in_a_browser_variable_is_unreachable(
    repository: Callable[..., Path], free_port: Callable[[], int], doctor: Callable[..., Doctor]
) -> None:
    web, backend = free_port(), free_port()
    root = repository(files(web, backend, free_port(), f"ws://backend:{backend}/"), node=("web",))
    report = doctor(root)
    assert "url-host-unreachable" in report.rules
    assert "web/.env:1" in report.places("url-host-unreachable")
