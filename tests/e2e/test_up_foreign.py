"""A stranger on a running service's port, and values that were edited after the start: `doctor --live`."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run

pytestmark = [pytest.mark.e2e]
Tree = Callable[[Mapping[str, str | bytes]], Path]

IDLE = """
import os, time
print("up", flush=True)
time.sleep(1000)
"""


def findings(told: Outcome) -> dict[str, dict[str, Any]]:
    return {finding["rule"]: finding for finding in json.loads(told.out)["findings"]}


def test_a_stranger_on_the_port_of_a_living_service_is_named(
    tree: Tree,
    up: Callable[..., Run],
    free_port: Callable[[], int],
    devstack: Callable[..., Outcome],
) -> None:
    port = free_port()
    stack = f"""
[services.ws]
type = "command"
command = "python main.py"
port = {port}
ready = {{ log = "up" }}
"""
    root = tree({"stack.toml": stack, "main.py": IDLE})
    run = up("--no-doctor", cwd=root)
    run.until("run.ready")
    assert "foreign-listener" not in findings(devstack("doctor", "--live", "--format", "json", cwd=root))
    with socket.create_server(("127.0.0.1", port)):
        found = findings(devstack("doctor", "--live", "--format", "json", cwd=root))
    assert (
        f"Port {port} of `ws` is answered by a process that this stack did not start"
        in (found["foreign-listener"]["message"])
    )
    assert "port-held" not in found
    assert run.interrupt() == 130


def test_a_value_edited_after_the_start_is_stale_until_the_restart(
    tree: Tree,
    up: Callable[..., Run],
    free_port: Callable[[], int],
    devstack: Callable[..., Outcome],
) -> None:
    port = free_port()
    stack = f"""
[services.ws]
type = "command"
command = "python -m http.server --bind 127.0.0.1 $PORT"
port = {port}
env = {{ files = [".env"], on_change = "ignore" }}
[shared.jwt]
secret = true
members = ["ws:JWT_SECRET"]
"""
    old, new = "k2T9wXqL5mZpR7vNc4tYb8sHd3fGj6aEu1", "b7Qm2Xr9Lk4Wp6Tz1Vn8Cy5Hd3Fs0Gj7aaa"
    root = tree({"stack.toml": stack, ".env": f"JWT_SECRET={old}\n"})
    run = up("--no-doctor", cwd=root)
    run.until("run.ready")
    assert "stale-environment" not in findings(devstack("doctor", "--live", "--format", "json", cwd=root))
    (root / ".env").write_text(f"JWT_SECRET={new}\n")
    assert run.until("env.changed")["action"] == "ignore"
    told = devstack("doctor", "--live", "--format", "json", cwd=root)
    found = findings(told)["stale-environment"]
    assert "`JWT_SECRET` hmac:" in found["message"] and found["message"].count("hmac:") == 2
    assert "started " in found["message"]
    assert found["locations"][0]["path"] == ".env" and found["locations"][0]["line"] == 1
    assert old not in told.out and new not in told.out
    assert devstack("restart", "ws", cwd=root).code == 0
    run.until("service.ready", service="ws")
    assert "stale-environment" not in findings(devstack("doctor", "--live", "--format", "json", cwd=root))
    assert run.interrupt() == 130
