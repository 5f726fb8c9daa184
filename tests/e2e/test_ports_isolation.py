"""Two checkouts of one repository at once: the real Vite, each page talking to its own backend."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devstack.host.listening import is_bindable
from tests.conftest import NODE_MODULES, Outcome
from tests.e2e.conftest import Run, new_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]

STACK = """
name = "pair"
[services.web]
type = "vite"
dir = "web"
port = {web}
depends_on = ["ws"]
[services.ws]
type = "python"
dir = "ws"
port = {ws}
port_env = "PORT"
command = "python3 server.py"
[[links]]
from = "web:VITE_WS_URL"
to = "ws"
[[origins]]
from = "ws:CORS_ORIGIN"
allows = ["web"]
"""
# Refuses other origins, and says which checkout it runs in.
SERVER = """
import asyncio, os
from pathlib import Path
from dotenv import load_dotenv
from websockets.asyncio.server import serve
load_dotenv()
async def answer(socket):
    await socket.send(f"backend of {Path.cwd().parent.name}")
    await socket.wait_closed()
async def main():
    async with serve(answer, "localhost", int(os.environ["PORT"]), origins=[os.environ["CORS_ORIGIN"]]):
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""
PAGE = """
const socket = new WebSocket(import.meta.env.VITE_WS_URL)
socket.onmessage = (event) => { document.querySelector('#said').textContent = event.data }
socket.onclose = (event) => { document.querySelector('#said').textContent += ` closed ${event.code}` }
"""


def repository(folder: Path, web: int, ws: int) -> Path:
    """A committed repository `first` and a clone of it, `second`; both with their env files."""
    first = folder / "first"
    files = {
        "stack.toml": STACK.format(web=web, ws=ws),
        ".gitignore": ".env\nnode_modules\n.devstack\n",
        "web/package.json": '{"private": true, "type": "module", "scripts": {"dev": "vite"}}',
        "web/index.html": '<p id="said"></p><script type="module" src="/main.js"></script>',
        "web/main.js": PAGE,
        "ws/server.py": SERVER,
    }
    for name, text in files.items():
        (first / name).parent.mkdir(parents=True, exist_ok=True)
        (first / name).write_text(text)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=first, check=True)
    subprocess.run([*git, "clone", "-q", "first", "second"], cwd=folder, check=True)
    for checkout in (first, folder / "second"):
        (checkout / "web/.env").write_text(f"VITE_WS_URL=ws://localhost:{ws}\n")
        (checkout / "ws/.env").write_text(f"CORS_ORIGIN=http://localhost:{web}\n")
        install(checkout / "web" / "node_modules")
    return first


def install(folder: Path) -> None:
    """The real packages, without downloading them again."""
    (folder / ".bin").mkdir(parents=True)
    for package in NODE_MODULES.iterdir():
        if not package.name.startswith("."):
            (folder / package.name).symlink_to(package)
    (folder / ".bin" / "vite").symlink_to(NODE_MODULES / "vite" / "bin" / "vite.js")


@pytest.mark.browser
def test_two_checkouts_run_side_by_side_and_each_page_reaches_its_own_backend(
    tmp_path: Path,
    free_port: Callable[[], int],
    up: Callable[..., Run],
    devstack: Callable[..., Outcome],
    browser: Browser,
) -> None:
    web, ws = free_port(), free_port()
    first = repository(tmp_path, web, ws)
    second = tmp_path / "second"
    before = {path: path.read_bytes() for path in second.rglob(".env")}

    one = up("--yes", cwd=first)
    one.until("run.ready")
    refused = devstack("up", "--yes", cwd=second)
    assert refused.code == 3
    assert "another checkout of this repository" in refused.err
    assert "devstack up --isolate" in refused.err

    two = up("--yes", "--isolate", cwd=second)
    two.until("run.ready")
    moved = moved_ports(devstack, second)
    assert set(moved) == {"web", "ws"}
    assert moved["web"] != web
    assert said(browser, f"http://localhost:{web}") == "backend of first"
    assert said(browser, f"http://localhost:{moved['web']}") == "backend of second"
    assert f"{moved['ws']} (for {ws})" in devstack("ports", cwd=second).out
    assert f"{moved['ws']} (for {ws})" in devstack("ps", cwd=second).out
    assert {path: path.read_bytes() for path in before} == before

    assert two.interrupt() == 130
    assert f"web {web} → {moved['web']}" in two.errors
    assert said(browser, f"http://localhost:{web}") == "backend of first"
    assert one.interrupt() == 130
    assert all(is_bindable(port) for port in (web, ws, *moved.values()))


ECHO = """
import http.server, os
from dotenv import load_dotenv
load_dotenv()
print("self is", os.environ["SELF_URL"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
"""


def test_an_isolated_run_follows_its_env_files_with_moved_ports(
    tree: Callable[..., Path], free_port: Callable[[], int], up: Callable[..., Run]
) -> None:
    port = free_port()
    root = tree(
        {
            "stack.toml": f'[services.api]\ntype = "python"\nport = {port}\nport_env = "PORT"\n'
            'command = "python3 server.py"\n',
            "server.py": ECHO,
            ".env": f"SELF_URL=http://localhost:{port}/one\n",
        }
    )
    run = up("--yes", "--isolate", cwd=root)
    moved = run.until("service.started", service="api")["port"]
    run.until("run.ready")
    (root / ".env").write_text(f"SELF_URL=http://localhost:{port}/two\n")
    run.until("env.changed")
    output = ""
    while f"self is http://localhost:{moved}/two" not in output:  # a busy machine tells it after it is ready
        run.next()
        output = "".join(one["text"] for one in run.events if one["event"] == "service.output")
    assert moved != port
    assert f"self is http://localhost:{moved}/one" in output


def moved_ports(devstack: Callable[..., Outcome], checkout: Path) -> dict[str, int]:
    """Service → port in use, as `devstack ports --json` tells it."""
    import json

    body = json.loads(devstack("ports", "--json", cwd=checkout).out)
    return {entry["service"]: entry["port"] for entry in body["ports"]}


def said(browser: Browser, url: str) -> str:
    """What the backend told the page."""
    page = new_page(browser)
    try:
        page.goto(url)
        page.wait_for_function("document.querySelector('#said').textContent !== ''")
        return page.text_content("#said") or ""
    finally:
        page.close()
