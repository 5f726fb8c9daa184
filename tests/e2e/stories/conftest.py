"""What the acceptance stories share: a repository with the real npm packages, pages, and what a page sees."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import NODE_MODULES, Outcome
from tests.e2e.conftest import new_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Opens a WebSocket as the page's own code would: `opened`, then the close code, or None while it stays open.
OPEN_SOCKET = """([url, protocols]) => new Promise((done) => {
  const socket = new WebSocket(url, protocols);
  let opened = false;
  const end = (code) => { socket.onclose = null; socket.close(); done({ opened, code }); };
  socket.onopen = () => { opened = true; setTimeout(() => end(null), 700); };
  socket.onclose = (event) => { socket.onclose = null; done({ opened, code: event.code }); };
  setTimeout(() => { if (!opened) end("pending"); }, 100000);
})"""


@pytest.fixture
def repository(tree: Callable[[Mapping[str, str | bytes]], Path]) -> Callable[..., Path]:
    """Write files; each folder of `node` finds the real npm packages."""

    def write(files: Mapping[str, str | bytes], *, node: tuple[str, ...] = ()) -> Path:
        root = tree(files)
        for folder in node:
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / "node_modules").symlink_to(NODE_MODULES, target_is_directory=True)
        return root

    return write


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = new_page(browser)
    yield opened
    opened.close()


@pytest.fixture
def secret() -> str:
    return secrets.token_urlsafe(32)


class Doctor:
    """The JSON report, asked for rules."""

    def __init__(self, told: Outcome) -> None:
        self.code = told.code
        self.text = told.out
        self.findings: list[dict[str, Any]] = json.loads(told.out)["findings"]

    @property
    def errors(self) -> set[str]:
        return {finding["rule"] for finding in self.findings if finding["severity"] == "error"}

    @property
    def rules(self) -> set[str]:
        return {finding["rule"] for finding in self.findings}

    def places(self, rule: str) -> set[str]:
        """`path:line` of every location of a rule's findings."""
        return {
            f"{place['path']}:{place['line']}"
            for finding in self.findings
            if finding["rule"] == rule
            for place in finding["locations"]
        }


@pytest.fixture
def doctor(devstack: Callable[..., Outcome]) -> Callable[..., Doctor]:
    """`devstack doctor --format json` in a folder."""

    def ask(root: Path, *argv: str, env: Mapping[str, str] | None = None) -> Doctor:
        return Doctor(devstack("doctor", "--format", "json", *argv, cwd=root, env=env))

    return ask


@pytest.fixture
def ws(devstack: Callable[..., Outcome]) -> Callable[..., dict[str, Any]]:
    """`devstack ws … --json` in a folder."""

    def ask(root: Path, *argv: str) -> dict[str, Any]:
        told = devstack("ws", *argv, "--json", cwd=root)
        found: dict[str, Any] = json.loads(told.out)
        assert "error" not in found, found
        return found

    return ask
