"""Story 1: Next signs with one secret, the WebSocket server verifies with another; the browser shows 1006."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Outcome, clean_environment
from tests.e2e.conftest import Run
from tests.e2e.stories.conftest import OPEN_SOCKET, Doctor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.node, pytest.mark.browser, pytest.mark.timeout(600)]

SIGN = """
import { createHmac } from "node:crypto";
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
export function GET() {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: "visitor", iat: now, exp: now + 600 })}`;
  const token = `${signed}.${createHmac("sha256", process.env.JWT_SECRET).update(signed).digest("base64url")}`;
  return Response.json({ token });
}
"""
PAGE = """
"use client";
export default function Page() {
  return <p id="url">{process.env.NEXT_PUBLIC_WEBSOCKET_URL}</p>;
}
"""
SERVER = """
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
require("dotenv18").config({ quiet: true });
const { WebSocketServer } = require("ws");

const secret = process.env.JWT_SECRET || process.env.NEXTAUTH_SECRET || 'change-me-in-production';

function verify(token) {
  const [header, claims, signature] = (token ?? "").split(".");
  if (!signature) return false;
  if (JSON.parse(Buffer.from(header, "base64url")).alg !== "HS256") return false;
  const wanted = createHmac("sha256", secret).update(`${header}.${claims}`).digest("base64url");
  const { exp, nbf } = JSON.parse(Buffer.from(claims, "base64url"));
  const now = Date.now() / 1000;
  return wanted === signature && exp > now && !(nbf > now);
}

const http = createServer((_, response) => response.end("ok"));
new WebSocketServer({
  server: http,
  path: "/ws",
  verifyClient: ({ req }, done) => {
    const token = new URL(req.url, "http://localhost").searchParams.get("token");
    done(verify(token), 401, "Unauthorized");
  },
});
http.listen(Number(process.env.PORT), () => console.log("listening"));
"""


def files(web: int, ws: int, env: str) -> dict[str, str]:
    return {
        "stack.toml": f"""
name = "two-secrets"
[services.web]
type = "next"
port = {web}
depends_on = ["ws"]
source = ["app"]
[services.ws]
type = "node"
dir = "server"
command = "node index.mjs"
port = {ws}
port_env = "PORT"
[services.ws.websocket]
path = "/ws"
origin = "web"
rejects_bad_token = true
[services.ws.websocket.token]
secret = "jwt"
[shared.jwt]
secret = true
members = ["web:JWT_SECRET", "ws:JWT_SECRET|NEXTAUTH_SECRET"]
[[links]]
from = "web:NEXT_PUBLIC_WEBSOCKET_URL"
to = "ws"
path = "/ws"
""",
        "package.json": json.dumps({"private": True, "scripts": {"dev": "next dev --webpack"}}),
        ".gitignore": ".env\nnode_modules\n.next\n.devstack\n",
        ".env": env,
        "app/layout.jsx": "export default ({ children }) => <html><body>{children}</body></html>;\n",
        "app/page.jsx": PAGE,
        "app/api/token/route.js": SIGN,
        "server/index.mjs": SERVER,
    }


def fetch_token(web: int) -> str:
    with urllib.request.urlopen(f"http://localhost:{web}/api/token", timeout=200) as answer:
        return str(json.load(answer)["token"])


def by_hand(root: Path, web: int, port: int, spawned: list[subprocess.Popen[bytes]]) -> None:
    """Start both as a developer without devstack does, and wait until both answer."""
    programs = {
        web: (["node", "node_modules/next/dist/bin/next", "dev", "--webpack", "-p", str(web)], root),
        port: (["node", "index.mjs"], root / "server"),
    }
    for number, (command, folder) in programs.items():
        env = clean_environment({"PORT": str(number)})
        spawned.append(
            subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, start_new_session=True)
        )
    deadline = time.monotonic() + 200
    for number in programs:
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("localhost", number), timeout=1):
                break
            time.sleep(0.05)


def test_the_mismatch_is_reproduced_explained_repaired_and_gone(
    repository: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    page: Page,
    doctor: Callable[..., Doctor],
    ws: Callable[..., dict[str, Any]],
    devstack: Callable[..., Outcome],
    spawned: list[subprocess.Popen[bytes]],
    secret: str,
) -> None:
    web, port = free_port(), free_port()
    url = f"ws://localhost:{port}/ws"
    env = f"JWT_SECRET={secret}\nNEXT_PUBLIC_WEBSOCKET_URL={url}\n"
    root = repository(files(web, port, env), node=(".", "server"))

    refused = devstack("up", cwd=root)
    assert refused.code == 1
    assert "shared-mismatch" in refused.out + refused.err

    by_hand(root, web, port, spawned)
    token = fetch_token(web)
    page.goto(f"http://localhost:{web}/")
    seen = page.evaluate(OPEN_SOCKET, [f"{url}?token={token}", []])
    assert seen == {"opened": False, "code": 1006}

    report = doctor(root)
    assert report.code == 1
    assert {"shared-mismatch", "fallback-secret-in-source"} <= report.errors
    assert ".env:1" in report.places("shared-mismatch")
    line = 1 + SERVER[: SERVER.index("change-me-in-production")].count("\n")
    assert f"server/index.mjs:{line}" in report.places("fallback-secret-in-source")
    said = next(f["message"] for f in report.findings if f["rule"] == "shared-mismatch")
    assert said.count("hmac:") == 2 or "fallback" in said
    assert "placeholder" in report.text
    assert secret not in report.text

    told = ws(root, "ws")
    assert "JWT_SECRET: .env:1" in told["verdict"]["hint"]
    assert told["verdict"]["code"] == "unauthorized"
    assert "signature mismatch" in told["verdict"]["message"]
    assert told["verdict"]["browser"] == {"opened": False, "close_code": 1006}
    checked = devstack("token", "check", "-", cwd=root, stdin=token)
    assert checked.code == 1
    assert "signed with web:JWT_SECRET" in checked.out
    assert "1006" in checked.out

    page.goto("about:blank")  # Next's page would reload by itself when its server comes back
    for process in reversed(spawned):
        process.terminate()
        process.wait()
    assert devstack("env", "set", "ws:JWT_SECRET", "-", cwd=root, stdin=secret).code == 0
    assert doctor(root).errors == set()
    run = up("--yes", cwd=root)
    run.until("run.ready")
    page.goto(f"http://localhost:{web}/")
    seen = page.evaluate(OPEN_SOCKET, [f"{url}?token={fetch_token(web)}", []])
    assert seen == {"opened": True, "code": None}
    told = ws(root, "ws")
    assert told["verdict"]["code"] == "ok"
    assert {tried["kind"] for tried in told["tokens"] if tried["accepted"]} == {"good"}
    assert run.interrupt() == 130


def test_one_line_that_two_readers_read_differently(
    tree: Callable[..., Path],
    free_port: Callable[[], int],
    doctor: Callable[..., Doctor],
    devstack: Callable[..., Outcome],
) -> None:
    stack = f"""
[services.web]
type = "next"
dir = "web"
port = {free_port()}
[services.ws]
type = "python"
dir = "ws"
command = "python main.py"
port = {free_port()}
[shared.jwt]
secret = true
members = ["web:JWT_SECRET", "ws:JWT_SECRET"]
"""
    source = "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nkey = os.environ['JWT_SECRET']\n"
    root = tree(
        {
            "stack.toml": stack,
            "web/package.json": '{"scripts": {"dev": "next dev"}, "dependencies": {"next": "16.4.6"}}',
            "web/.env": "JWT_SECRET=pa$word#1\n",
            "ws/.env": "JWT_SECRET=pa$word#1\n",
            "ws/main.py": source,
        }
    )
    report = doctor(root)
    assert "loader-disagreement" in report.errors
    assert {"web/.env:1", "ws/.env:1"} <= report.places("loader-disagreement")
    assert "pa$word#1" not in report.text
    said = next(f["message"] for f in report.findings if f["rule"] == "loader-disagreement")
    assert said.count("hmac:") == 2
    # Next expands `$` in every kind of quotes and python-dotenv unescapes none: only another value helps.
    assert devstack("env", "rotate", "jwt", "--yes", cwd=root).code == 0
    assert not {"loader-disagreement", "shared-mismatch"} & doctor(root).rules


def test_an_exported_variable_beats_the_file(
    tree: Callable[..., Path], free_port: Callable[[], int], doctor: Callable[..., Doctor], secret: str
) -> None:
    stack = f"""
[services.ws]
type = "python"
dir = "ws"
command = "python main.py"
port = {free_port()}
[shared.jwt]
secret = true
members = ["ws:JWT_SECRET"]
"""
    source = "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nkey = os.environ['JWT_SECRET']\n"
    root = tree({"stack.toml": stack, "ws/.env": f"JWT_SECRET={secret}\n", "ws/main.py": source})
    assert "shadowed-by-process" not in doctor(root).rules
    report = doctor(root, env={"JWT_SECRET": secret[::-1]})
    assert "shadowed-by-process" in report.errors
    assert "ws/.env:1" in report.places("shadowed-by-process")
