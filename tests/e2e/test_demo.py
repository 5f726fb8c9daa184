"""The demo stack as a new developer meets it: one command, a page, an answer, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import free_ports
from tests.conftest import ROOT, clean_environment
from tests.e2e.conftest import Run, new_page
from tests.e2e.programs import can_bind

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.e2e, pytest.mark.node, pytest.mark.timeout(600)]  # it installs packages

ARTEFACTS = ROOT / "test-artifacts"


@dataclass(frozen=True)
class Demo:
    """A checkout of the demo on ports of its own."""

    root: Path
    page: int
    backend: int

    def file(self, service: str) -> Path:
        return self.root / "examples" / "voice" / service / ".env"


def checkout(root: Path, free_port: Callable[[], int]) -> Demo:
    """A fresh checkout: nothing installed, no env file, both ports moved to free ones."""
    demo = Demo(root, free_port(), free_port())
    skip = shutil.ignore_patterns("node_modules", ".venv", ".env", ".env.local", "__pycache__", ".vite")
    shutil.copytree(ROOT / "examples", root / "examples", ignore=skip)
    for name in ("stack.toml", "Procfile.dev"):
        shutil.copy(ROOT / name, root / name)
    changed = [root / "stack.toml", *root.glob("examples/voice/*/.env.example")]
    for path in changed:
        text = path.read_text().replace("5173", str(demo.page)).replace("3001", str(demo.backend))
        path.write_text(text)
    return demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One checkout for all tests of this module; the first `up` installs everything."""
    return checkout(tmp_path_factory.mktemp("demo"), free_ports.find)


@pytest.fixture
def running(demo: Demo, up: Callable[..., Run]) -> Run:
    """The demo, up and ready."""
    run = up("--yes", cwd=demo.root)
    run.until("run.ready")
    return run


def tagged_processes(root: Path) -> list[str]:
    """Processes that run below `root`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                folder = str((entry / "cwd").readlink())
            except OSError:
                continue
            if folder.startswith(str(root)):
                found.append(f"{entry.name} {folder}")
    return found


@pytest.mark.browser
def test_one_command_leads_a_new_developer_to_an_answer_in_the_page(
    demo: Demo, running: Run, browser: Browser
) -> None:
    page = new_page(browser, viewport={"width": 900, "height": 700})
    page.goto(f"http://localhost:{demo.page}/")
    page.wait_for_selector('#state[data-state="open"]')
    page.wait_for_function("document.getElementById('presence').textContent.includes('1 agent')")
    page.fill("#text", "2 + 3")
    page.press("#text", "Enter")
    page.wait_for_selector('#messages li[data-role="agent"]')
    assert "That makes 5." in page.inner_text("#messages")
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / "demo.png"))
    page.close()

    assert running.interrupt() == 130
    assert can_bind(demo.page)
    assert can_bind(demo.backend)
    assert tagged_processes(demo.root) == []


def test_the_example_files_were_copied_with_one_generated_secret_for_both(demo: Demo, running: Run) -> None:
    def secret(service: str) -> str:
        lines = demo.file(service).read_text().splitlines()
        return next(line for line in lines if line.startswith("JWT_SECRET="))

    assert secret("server") == secret("agent")
    assert len(secret("server")) >= len("JWT_SECRET=") + 32
    assert secret("server") not in "".join(str(event) for event in running.events)


def test_a_changed_secret_is_found_by_doctor_and_refused_by_up(
    demo: Demo, running: Run, devstack: Callable[..., Any], up: Callable[..., Run]
) -> None:
    assert running.interrupt() == 130
    path = demo.file("agent")
    before = path.read_text()
    path.write_text(before.replace("JWT_SECRET=", "JWT_SECRET=another-value-of-many-bytes-"))
    try:
        told = devstack("doctor", cwd=demo.root)
        assert told.code == 1
        assert "shared-mismatch" in told.out
        assert "examples/voice/server/.env:2" in told.out
        assert "examples/voice/agent/.env:2" in told.out
        assert "another-value-of-many-bytes" not in told.out + told.err
        refused = devstack("up", "--yes", cwd=demo.root)
        assert refused.code == 1
        assert "shared-mismatch" in refused.out + refused.err
    finally:
        path.write_text(before)


def test_a_foreign_process_on_the_port_is_named_and_left_alone(
    demo: Demo, running: Run, devstack: Callable[..., Any]
) -> None:
    assert running.interrupt() == 130
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        foreign.bind(("127.0.0.1", demo.backend))
        foreign.listen()
        told = devstack("up", "--yes", cwd=demo.root, env=clean_environment())
        assert told.code == 3
        assert str(demo.backend) in told.out + told.err
        assert str(os.getpid()) in told.out + told.err
