"""Story 5: wss:// to a host that does not support WebSockets; retrying cannot help."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.e2e.stories.conftest import Doctor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOST = "abc.ap-south-1.awsapprunner.com"
PAGE = f"""\
'use client'
export function connect() {{
  const api = process.env.NEXT_PUBLIC_API_URL
  return [api, new WebSocket(process.env.NEXT_PUBLIC_WS_URL), new WebSocket('wss://{HOST}/live')]
}}
"""
SERVER = """
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "ok", "websocket": "disabled", "port": 8080}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Health).serve_forever()
"""


def test_the_host_is_named_with_the_date_of_what_is_known_and_polling_is_missed(
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
[doctor]
required = {{ web = ["NEXT_PUBLIC_WS_URL", "NEXT_PUBLIC_API_URL"] }}
"""
    root = tree(
        {
            "stack.toml": stack,
            "web/package.json": '{"scripts": {"dev": "next dev"}, "dependencies": {"next": "16.4.6"}}',
            "web/app/page.tsx": "export { connect } from '../lib/socket'\n",
            "web/lib/socket.ts": PAGE,
            "web/.env.local": f"NEXT_PUBLIC_WS_URL=wss://{HOST}\n",
        }
    )
    report = doctor(root)
    assert {"host-without-websocket", "missing-variable"} <= report.errors
    places = report.places("host-without-websocket")
    assert "web/.env.local:1" in places
    assert "web/lib/socket.ts:4" in places
    message = next(f["message"] for f in report.findings if f["rule"] == "host-without-websocket")
    assert "App Runner" in message
    assert "retrying cannot help" in message.lower()
    assert re.search(r"20\d\d-\d\d", message)
    page = devstack("explain", "host-without-websocket", cwd=root).out
    assert "awsapprunner.com" in page


def test_a_health_answer_that_contradicts_the_stack_is_reported(
    tree: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    doctor: Callable[..., Doctor],
    devstack: Callable[..., Outcome],
) -> None:
    port = free_port()
    stack = f"""
[services.api]
type = "python"
command = "python server.py"
port = {port}
port_env = "PORT"
ready = {{ http = "/health", json = {{ status = "ok" }} }}
[services.api.websocket]
probe = false
"""
    root = tree({"stack.toml": stack, "server.py": SERVER})
    run = up(cwd=root)
    run.until("run.ready")
    report = doctor(root, "--live")
    said = " ".join(f["message"] for f in report.findings if f["rule"] == "health-contradicts-stack")
    assert "port 8080" in said
    assert "not available" in said
    assert run.interrupt() == 130
