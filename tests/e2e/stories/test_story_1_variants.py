"""Story 1 without Next: a secret edited while the stack runs, and a port that an older run still holds."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome, clean_environment
from tests.e2e.conftest import Run
from tests.e2e.stories.conftest import Doctor
from tests.e2e.stories.test_story_1_two_secrets import SERVER

pytestmark = [pytest.mark.e2e, pytest.mark.node, pytest.mark.timeout(600)]

CLIENT = """
import socket, sys
connection = socket.create_connection(("localhost", int(sys.argv[1])))
print("connected", flush=True)
sys.stdin.read()
"""


def files(port: int, secret: str) -> dict[str, str]:
    """`signer` stands for the page: it is given the secret of `.env`, as the server is."""
    return {
        "stack.toml": f"""
name = "two-secrets"
[services.ws]
type = "node"
command = "node server/index.mjs"
port = {port}
port_env = "PORT"
[services.ws.websocket]
path = "/ws"
rejects_bad_token = true
[services.ws.websocket.token]
secret = "jwt"
[services.signer]
type = "command"
command = "sleep 1000"
depends_on = ["ws"]
[shared.jwt]
secret = true
members = ["signer:JWT_SECRET", "ws:JWT_SECRET"]
""",
        ".gitignore": ".env\nnode_modules\n.devstack\n",
        ".git/HEAD": "",
        ".env": f"JWT_SECRET={secret}\n",
        "package.json": '{"private": true}',
        "server/index.mjs": SERVER.replace(" || 'change-me-in-production'", ""),
    }


def test_an_edited_secret_restarts_what_uses_it_once_and_is_stale_for_what_runs_on(
    repository: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    doctor: Callable[..., Doctor],
    ws: Callable[..., dict[str, Any]],
    secret: str,
) -> None:
    root = repository(files(free_port(), secret), node=(".",))
    run = up(cwd=root)
    run.until("run.ready")
    assert ws(root, "ws")["verdict"]["code"] == "ok"

    (root / ".env").write_text(f"JWT_SECRET={secret[::-1]}\n")
    run.until("service.ready", service="signer")
    restarted = [one["service"] for one in run.events if one["event"] == "service.restarting"]
    assert sorted(restarted) == ["signer", "ws"]
    told = ws(root, "ws")
    assert told["verdict"]["code"] == "ok"
    assert {tried["kind"] for tried in told["tokens"] if tried["accepted"]} == {"good"}
    assert "stale-environment" not in doctor(root, "--live").rules
    assert run.interrupt() == 130


def test_a_server_that_was_started_by_hand_before_the_edit_is_stale(
    repository: Callable[..., Path],
    free_port: Callable[[], int],
    doctor: Callable[..., Doctor],
    ws: Callable[..., dict[str, Any]],
    spawned: list[subprocess.Popen[bytes]],
    secret: str,
) -> None:
    port = free_port()
    root = repository(files(port, secret), node=(".",))
    by_hand(root, port, spawned, {"JWT_SECRET": secret})
    (root / ".env").write_text(f"JWT_SECRET={secret[::-1]}\n")
    assert ws(root, "ws")["verdict"]["code"] == "unauthorized"
    report = doctor(root, "--live")
    assert {"stale-environment", "token-rejected"} <= report.errors
    (stale,) = (one for one in report.findings if one["rule"] == "stale-environment")
    assert stale["message"].count("hmac:") == 2 and "started " in stale["message"]
    assert ".env:1" in report.places("stale-environment")
    assert secret not in report.text and secret[::-1] not in report.text


def test_an_older_server_on_the_port_is_named_and_freed_and_its_client_lives(
    repository: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    ws: Callable[..., dict[str, Any]],
    devstack: Callable[..., Outcome],
    spawned: list[subprocess.Popen[bytes]],
    secret: str,
) -> None:
    port = free_port()
    root = repository(files(port, secret), node=(".",))
    older = by_hand(root, port, spawned, {"JWT_SECRET": secret})
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(port)],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    spawned.append(client)
    assert client.stdout and client.stdout.readline()

    refused = devstack("up", cwd=root)
    assert refused.code == 3
    assert f"pid {older.pid}" in refused.err and ", for " in refused.err
    assert older.poll() is None

    run = up("--yes", cwd=root)
    run.until("run.ready")
    assert older.wait() is not None
    assert client.poll() is None
    assert ws(root, "ws")["verdict"]["code"] == "ok"
    assert run.interrupt() == 130


def by_hand(
    root: Path, port: int, spawned: list[subprocess.Popen[bytes]], env: dict[str, str]
) -> subprocess.Popen[bytes]:
    """The server as a developer without devstack starts it; returns once it listens."""
    process = subprocess.Popen(
        ["node", "server/index.mjs"],
        cwd=root,
        env=clean_environment({"PORT": str(port), **env}),
        stdout=subprocess.PIPE,
    )
    spawned.append(process)
    assert process.stdout and b"listening" in process.stdout.readline()
    with suppress(OSError), socket.create_connection(("localhost", port), timeout=5):
        pass
    return process
