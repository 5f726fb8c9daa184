"""Templates are programs that run: their own servers, with their own secrets, talk to each other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from devstack.stack.templates import every
from tests.conftest import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "tests/node/node_modules"
SECRET = "only-for-this-test-" * 3

Devstack = Callable[..., Any]
Spawned = list[subprocess.Popen[bytes]]

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("name", [template.name for template in every()])
def test_a_fresh_template_has_nothing_that_doctor_calls_an_error(
    name: str, tmp_path: Path, devstack: Devstack
) -> None:
    assert devstack("init", "--template", name, cwd=tmp_path).code == 0
    synced = devstack("env", "sync", "--yes", cwd=tmp_path)
    assert synced.code == 0, synced.err

    report = json.loads(devstack("doctor", "--format", "json", cwd=tmp_path).out)

    assert [one for one in report["findings"] if one["severity"] != "info"] == []
    assert devstack("env", "sync", "--check", cwd=tmp_path).code == 0


def start(spawned: Spawned, argv: list[str], cwd: Path, wanted: bytes, **env: str) -> None:
    """Start a program and wait for the line that says that it is ready."""
    process = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **env}, stdout=subprocess.PIPE)
    spawned.append(process)
    assert process.stdout is not None
    while line := process.stdout.readline():
        if wanted in line:
            return
    pytest.fail(f"{argv} ended with {process.wait()}")


def token(secret: str = SECRET, **claims: object) -> str:
    """An HS256 token, written by hand so that no library of the programs is trusted."""

    def encoded(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = (
        encoded({"alg": "HS256", "typ": "JWT"})
        + b"."
        + encoded({"sub": "me", "exp": time.time() + 3600} | claims)
    )
    signature = hmac.digest(secret.encode(), body, hashlib.sha256)
    return (body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def close_code(url: str) -> int | None:
    with connect(url) as client, pytest.raises(ConnectionClosed) as caught:
        client.recv(timeout=PATIENCE)
    return caught.value.rcvd.code if caught.value.rcvd else None


REFUSED = [{"secret": "another" * 6}, {"exp": 1}, {"nbf": time.time() + 10**6}]


def test_the_python_backend_joins_the_page_and_the_agent(
    tmp_path: Path, devstack: Devstack, free_port: Callable[[], int], spawned: Spawned
) -> None:
    devstack("init", "--template", "vite-python-agent", cwd=tmp_path)
    port = free_port()
    url = f"ws://localhost:{port}/ws"
    env = {"JWT_SECRET": SECRET, "PORT": str(port), "CORS_ORIGIN": "http://localhost:5173", "WS_URL": url}
    start(spawned, [sys.executable, "server.py"], tmp_path / "server", b"listening", **env)
    start(spawned, [sys.executable, "agent.py"], tmp_path / "agent", b"registered worker", **env)

    with connect(f"{url}?token={token()}") as page:
        page.send("hello")
        assert page.recv(timeout=PATIENCE) == "you said: hello"

    assert [close_code(f"{url}?token={token(**claims)}") for claims in REFUSED] == [4401] * 3


@pytest.mark.node
def test_the_node_server_lets_the_page_in_and_nobody_else(
    tmp_path: Path, devstack: Devstack, free_port: Callable[[], int], spawned: Spawned
) -> None:
    devstack("init", "--template", "next-node-ws", cwd=tmp_path)
    (tmp_path / "ws/node_modules").symlink_to(NODE_MODULES)
    port = free_port()
    url = f"ws://localhost:{port}/ws"
    env = {"JWT_SECRET": SECRET, "PORT": str(port), "CORS_ORIGIN": "http://localhost:3000"}
    start(spawned, ["node", "server.mjs"], tmp_path / "ws", b"listening", **env)

    client: ClientConnection
    with connect(f"{url}?token={token()}", origin="http://localhost:3000") as client:  # type: ignore[arg-type]
        client.send("hello")
        assert client.recv(timeout=PATIENCE) == "me: hello"
        client.socket.sendall(b"\x83\x80\0\0\0\0")  # no such opcode: this socket ends, the server does not
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=PATIENCE)

    assert [close_code(f"{url}?token={token(**claims)}") for claims in REFUSED] == [4401] * 3
