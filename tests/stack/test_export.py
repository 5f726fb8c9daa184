"""The stack for other engines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.env.secrets import is_masked
from devstack.stack import export, procfile
from devstack.stack.load import load
from devstack.stack.model import Stack

Tree = Callable[[Mapping[str, str | bytes]], Path]

STACK = """\
name = "Voice Agent"
[services.migrate]
type = "command"
command = "make migrate"
oneshot = true
[services.ws]
type = "python"
dir = "my server"
command = "A=1 python ws.py '50% $HOME'"
port = 3001
port_env = "WS_PORT"
depends_on = { migrate = "completed", db = "ready" }
restart = "always"
ready = { http = "/health" }
stop = { signal = "INT", grace = "2s" }
env = { set = { GREETING = "it's $5" } }
[services.db]
type = "compose"
compose = "docker-compose.yml:db"
[services.web]
type = "vite"
port = 5173
depends_on = ["ws"]
command = "npx vite"
"""


@pytest.fixture
def stack(tree: Tree) -> Stack:
    return load(tree({"stack.toml": STACK, "my server/x": ""}) / "stack.toml")


def test_a_procfile_line_runs_in_its_folder_with_its_variables(stack: Stack) -> None:
    entries = procfile.parse_text(export.procfile(stack, is_masked)["Procfile"]).entries
    show = "import os, sys; print(os.getcwd(), sys.argv[1:], os.environ['A'], os.environ['GREETING'])"
    (stack.root / "my server/ws.py").write_text(show)

    line = entries["ws"].command.replace("python", sys.executable)
    done = subprocess.run(["/bin/sh", "-c", line], cwd=stack.root, capture_output=True, text=True)

    assert done.stdout == f"{stack.root.resolve() / 'my server'} ['50% $HOME'] 1 it's $5\n"
    assert list(entries) == ["ws", "web"]
    assert "WS_PORT=3001" in line


def test_compose_keeps_order_health_and_ways_to_stop(stack: Stack) -> None:
    services = yaml.safe_load(export.compose(stack, is_masked)["compose.yaml"])["services"]

    assert services["ws"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "db": {"condition": "service_started"},
    }
    assert services["web"]["depends_on"] == {"ws": {"condition": "service_healthy"}}
    assert services["db"] == {"extends": {"file": "docker-compose.yml", "service": "db"}}
    assert services["ws"]["stop_signal"] == "SIGINT"
    assert services["ws"]["command"][-1] == "50% $$HOME"
    assert services["ws"]["environment"] == {"A": "1", "WS_PORT": "3001", "GREETING": "it's $$5"}


def test_systemd_units_keep_order_and_quote_what_systemd_expands(stack: Stack) -> None:
    units = export.systemd(stack, is_masked)

    unit = units["voice-agent-ws.service"]
    assert set(units) == {
        "voice-agent.target",
        *(f"voice-agent-{name}.service" for name in ("migrate", "ws", "web")),
    }
    assert "After=voice-agent-migrate.service\n" in unit
    assert 'ExecStart=/usr/bin/env python ws.py "50%% $$HOME"\n' in unit
    assert 'Environment="GREETING=it\'s $5"\n' in unit
    assert "Type=oneshot\n" in units["voice-agent-migrate.service"]


def test_a_secret_of_stack_toml_is_named_and_taken_from_the_environment(tree: Tree) -> None:
    declared = """\
name = "one"
services.api = { type = "command", command = "env", env.set.API_SECRET = "c0ffee$x" }
"""
    stack = load(tree({"stack.toml": declared}) / "stack.toml")

    line = procfile.parse_text(export.procfile(stack, is_masked)["Procfile"]).entries["api"].command
    body = yaml.safe_load(export.compose(stack, is_masked)["compose.yaml"])
    unit = export.systemd(stack, is_masked)["one-api.service"]
    given = subprocess.run(
        ["/bin/sh", "-c", line],
        env={"API_SECRET": "given", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert "API_SECRET=given\n" in given.stdout
    assert body["services"]["api"]["environment"] == {"API_SECRET": "${API_SECRET:?}"}
    assert "PassEnvironment=API_SECRET\n" in unit
    assert "c0ffee" not in f"{line}{body}{unit}"


@pytest.mark.e2e
def test_the_command_writes_into_a_folder_and_never_overwrites(
    stack: Stack, devstack: Callable[..., Any]
) -> None:
    first = devstack("export", "systemd", "-o", "units", cwd=stack.root)
    again = devstack("export", "systemd", "-o", "units", cwd=stack.root)

    assert (first.code, again.code) == (0, 5)
    assert (stack.root / "units/voice-agent.target").is_file()
    assert "--force" in again.err
