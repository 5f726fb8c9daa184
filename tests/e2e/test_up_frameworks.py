"""The real Vite and the real Next under `devstack up`: env changes reach the page, nothing survives (12, 22, 35)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.e2e.conftest import Run
from tests.e2e.programs import SERVER, eventually, tagged, toml, with_modules

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm"),
]
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Port = Callable[[], int]
QUIET = {"NEXT_TELEMETRY_DISABLED": "1"}

VITE = {
    "package.json": '{"private": true, "type": "module", "scripts": {"dev": "vite"}}',
    "index.html": '<script type="module" src="/main.js"></script>',
    "main.js": "document.title = import.meta.env.VITE_COLOR\n",
    ".env": "VITE_COLOR=red\n",
}
NEXT = {
    "package.json": '{"private": true, "scripts": {"dev": "next dev --webpack"}}',
    "pages/index.js": "export default function Page({ c }) { return 'colour:' + c }\n"
    "export function getServerSideProps() { return { props: { c: process.env.PAINT || 'none' } } }\n",
    ".env": "PAINT=red\n",  # npm sets a COLOR of its own
}


def fetched(port: int, path: str) -> str:
    for host in ("127.0.0.1", "[::1]"):
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=200) as answer:
                return str(answer.read().decode())
        except (OSError, HTTPException):  # it reloads, or has only just begun
            continue
    return ""


def started(run: Run) -> int:
    return sum(1 for one in run.events if one["event"] == "service.started")


def test_vite_takes_a_changed_value_over_by_itself_and_is_not_restarted(
    tree: Tree, up: Up, free_port: Port
) -> None:
    port = free_port()
    folder = with_modules(tree(VITE | {"stack.toml": toml({"web": {"type": "vite", "port": port}})}))
    run = up("--no-doctor", cwd=folder)
    run.until("service.ready", service="web")
    assert eventually(lambda: '"VITE_COLOR": "red"' in fetched(port, "/main.js"))
    (folder / ".env").write_text("VITE_COLOR=blue\n")
    assert run.until("env.changed")["action"] == "auto"
    assert eventually(lambda: '"VITE_COLOR": "blue"' in fetched(port, "/main.js"))
    assert run.interrupt() == 130
    assert started(run) == 1
    assert tagged(run.events[0]["run"]) == []


def test_a_value_that_devstack_puts_into_vites_environment_means_a_restart(
    tree: Tree, up: Up, free_port: Port
) -> None:
    port = free_port()
    services = {"web": {"type": "vite", "port": port, "env": {"inject": True}}}
    folder = with_modules(tree(VITE | {"stack.toml": toml(services)}))
    run = up("--no-doctor", cwd=folder)
    run.until("service.ready", service="web")
    (folder / ".env").write_text("VITE_COLOR=blue\n")
    assert run.until("env.changed")["action"] == "restart"
    run.until("service.ready", service="web")
    assert eventually(lambda: '"VITE_COLOR": "blue"' in fetched(port, "/main.js"))


def test_next_takes_a_changed_value_over_by_itself_and_leaves_nothing_behind(
    tree: Tree, up: Up, free_port: Port
) -> None:
    port = free_port()
    folder = with_modules(tree(NEXT | {"stack.toml": toml({"web": {"type": "next", "port": port}})}))
    run = up("--no-doctor", cwd=folder, env=QUIET)
    run.until("service.ready", service="web")
    assert eventually(lambda: "colour:red" in fetched(port, "/"))
    (folder / ".env").write_text("PAINT=blue\n")
    assert run.until("env.changed")["action"] == "auto"
    assert eventually(lambda: "colour:blue" in fetched(port, "/"))
    assert run.interrupt() == 130
    assert started(run) == 1
    assert tagged(run.events[0]["run"]) == []


def test_vite_that_finds_its_port_taken_fails_and_the_holder_is_named(
    tree: Tree, up: Up, free_port: Port, spawned: list[subprocess.Popen[bytes]]
) -> None:
    port = free_port()
    services = {
        "first": {"command": f"PORT={port} {sys.executable} -u server.py"},
        "web": {
            "type": "vite",
            "port": port,
            "host": "127.0.0.1",
            "depends_on": ["first"],
            "restart": "never",
        },
    }
    services["web"]["command"] = f"npx vite --host 127.0.0.1 --port {port} --strictPort"
    folder = with_modules(tree(VITE | {"stack.toml": toml(services), "server.py": SERVER}))
    run = up("--no-doctor", cwd=folder)
    exited = run.until("service.exited", service="web")
    assert f"port {port} is already in use, held by pid" in exited["cause"]
