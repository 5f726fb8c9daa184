"""Ports of real frameworks: the whole chain of Next is freed, a drifted Vite is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.host import process_facts
from devstack.host.listening import is_bindable, listeners, listeners_of
from tests.conftest import NODE_MODULES, Outcome, clean_environment
from tests.port_programs import Processes, hold

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("npm") is None or sys.platform != "linux", reason="needs npm on Linux"),
]
Tree = Callable[[Mapping[str, str | bytes]], Path]


def started(spawned: Processes, argv: list[str], cwd: Path, marker: bytes) -> subprocess.Popen[bytes]:
    """Start a framework; returns once its output holds `marker`."""
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=clean_environment({"NEXT_TELEMETRY_DISABLED": "1", "NO_COLOR": "1"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    spawned.append(process)
    assert process.stdout is not None
    seen = b""
    for line in process.stdout:
        seen += line
        if marker in line:
            return process
    raise AssertionError(seen.decode(errors="replace"))


def test_every_process_of_next_below_npm_ends_with_its_port(
    spawned: Processes, free_port: Callable[[], int], tree: Tree, devstack: Callable[..., Outcome]
) -> None:
    port = free_port()
    root = tree(
        {
            "package.json": '{"private": true, "scripts": {"dev": "next dev"}}',
            "pages/index.js": "export default function Page() { return 'page' }\n",
            ".git/HEAD": "",
        }
    )
    (root / "node_modules" / ".bin").mkdir(parents=True)
    for package in NODE_MODULES.iterdir():
        if not package.name.startswith("."):
            (root / "node_modules" / package.name).symlink_to(package)
    (root / "node_modules" / ".bin" / "next").symlink_to(NODE_MODULES / "next" / "dist" / "bin" / "next")
    npm = started(spawned, ["npm", "run", "dev", "--", "-p", str(port)], root, b"Ready")
    members = [entry.id for entry in process_facts.descendants([npm.pid])]
    assert len(members) >= 3  # npm, a shell, next, its server
    done = devstack("ports", "--kill", str(port), "--yes", cwd=root)
    assert done.code == 0, done.out + done.err
    npm.wait()
    assert not [member for member in members if process_facts.is_alive(member)]
    assert is_bindable(port)


def test_a_vite_that_took_the_next_port_is_noticed_from_its_own_tree(
    spawned: Processes, free_port: Callable[[], int], tree: Tree
) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port))
    root = tree({"index.html": "<p>page</p>"})
    vite = started(
        spawned,
        ["node", str(NODE_MODULES / "vite" / "bin" / "vite.js"), "--port", str(port), "--host", "127.0.0.1"],
        root,
        b"Local:",
    )
    members = [entry.pid for entry in process_facts.descendants([vite.pid])]
    ours = {entry.port for entry in listeners_of(members)}
    assert ours
    assert port not in ours
    assert listeners([port])
