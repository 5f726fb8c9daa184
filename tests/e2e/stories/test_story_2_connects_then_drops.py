"""Story 2: a Vite page connects to a FastAPI-like backend, is greeted, and dropped; or never gets in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.e2e.stories.conftest import OPEN_SOCKET, Doctor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.node, pytest.mark.browser, pytest.mark.timeout(600)]

BACKEND = """
import os

import jwt
import uvicorn
from dotenv import load_dotenv
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

load_dotenv()
SECRET = os.environ["JWT_SECRET"]


async def health(request):
    return JSONResponse({"status": "ok", "websocket": "available", "port": int(os.environ["PORT"])})


async def chat(ws):
    try:
        jwt.decode(ws.query_params.get("token", ""), SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        await ws.close(4401)  # before accept: the page never sees this code
        return
    await ws.accept()
    await ws.send_json({"type": "connected", "chat": ws.path_params["id"]})
    async for text in ws.iter_text():
        await ws.send_text(text)


app = Starlette(routes=[Route("/api/health", health), WebSocketRoute("/api/ws/chat/{id}", chat)])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
"""


def files(web: int, port: int, secret: str) -> dict[str, str]:
    return {
        "stack.toml": f"""
name = "drops"
[services.web]
type = "vite"
dir = "web"
command = "node node_modules/vite/bin/vite.js --port {web} --strictPort"
port = {web}
depends_on = ["backend"]
[services.backend]
type = "python"
dir = "backend"
command = "python main.py"
port = {port}
port_env = "PORT"
restart = {{ policy = "on-failure", max = 5, backoff = "50ms..200ms" }}
ready = {{ http = "/api/health", json = {{ status = "ok" }}, within = "100s" }}
[services.backend.websocket]
path = "/api/ws/chat/1"
origin = "web"
rejects_bad_token = true
[services.backend.websocket.token]
secret = "jwt"
[shared.jwt]
secret = true
members = ["backend:JWT_SECRET"]
[[links]]
from = "web:VITE_WS_URL"
to = "backend"
path = "/api/ws/chat/1"
""",
        ".gitignore": ".env\nnode_modules\n.devstack\n",
        "web/package.json": '{"private": true, "scripts": {"dev": "vite"}, "devDependencies": {"vite": "8.3.8"}}',
        "web/index.html": '<!doctype html><script type="module" src="/main.js"></script>',
        "web/main.js": "document.title = import.meta.env.VITE_WS_URL;\n",
        "web/.env": f"VITE_WS_URL=ws://localhost:{port}/api/ws/chat/1\n",
        "backend/main.py": BACKEND,
        "backend/.env": f"JWT_SECRET={secret}\n",
    }


def test_each_way_of_not_getting_in_is_told_apart_and_a_killed_backend_comes_back(
    repository: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    page: Page,
    doctor: Callable[..., Doctor],
    ws: Callable[..., dict[str, Any]],
    devstack: Callable[..., Outcome],
    secret: str,
) -> None:
    web, port = free_port(), free_port()
    root = repository(files(web, port, secret), node=("web",))
    assert ws(root, "backend")["verdict"]["code"] == "not-listening"

    run = up(cwd=root)
    run.until("run.ready")
    page.goto(f"http://localhost:{web}/")
    good = f"ws://localhost:{port}/api/ws/chat/1"
    token = devstack("token", "mint", "backend", cwd=root).out.strip()
    assert page.evaluate(OPEN_SOCKET, [f"{good}?token={token}", []]) == {"opened": True, "code": None}
    assert ws(root, "backend")["verdict"]["code"] == "ok"

    for url, code in (
        (f"ws://localhost:{web}/api/ws/chat/1", "dev-server"),
        (f"ws://localhost:{port}/api/ws/char/1", "wrong-path"),
        (f"wss://localhost:{port}/api/ws/chat/1", "tls-mismatch"),
    ):
        assert ws(root, url, "--timeout", "3" if code == "dev-server" else "30")["verdict"]["code"] == code
    told = ws(root, "backend", "--token", "not.a.token")
    assert told["verdict"]["code"] == "unauthorized"
    assert told["verdict"]["browser"] == {"opened": False, "close_code": 1006}
    for signed_with, age, says in ((secret, -3600, "expired"), (secret[::-1], 3600, "signature")):
        claims = {"sub": "visitor", "exp": int(time.time()) + age}
        told = ws(root, "backend", "--token", jwt.encode(claims, signed_with, algorithm="HS256"))
        assert told["verdict"]["code"] == "unauthorized"
        assert says in told["verdict"]["message"]

    page.evaluate(
        """(url) => new Promise((done) => {
          window.code = new Promise((closed) => {
            window.socket = new WebSocket(url);
            window.socket.onopen = done;
            window.socket.onclose = (event) => closed(event.code);
          });
        })""",
        f"{good}?token={token}",
    )
    started = [event for event in run.events if event["event"] == "service.started"]
    pid = next(event["pid"] for event in started if event["service"] == "backend")
    os.kill(pid, signal.SIGKILL)
    run.until("service.exited", service="backend")
    assert page.evaluate("window.code") == 1006
    run.until("service.ready", service="backend")
    assert page.evaluate(OPEN_SOCKET, [f"{good}?token={token}", []]) == {"opened": True, "code": None}
    assert doctor(root, "--live").errors == set()
    assert run.interrupt() == 130
