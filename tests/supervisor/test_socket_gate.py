"""The client of a readiness gate: which state of the files it connects with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.stack.load import load
from devstack.supervisor import socket_gate
from devstack.supervisor.socket_gate import StackClient

STACK = """
[services.ws]
type = "python"
command = "python server.py"
port = 3001
[services.ws.websocket]
path = "/"
"""


@pytest.fixture
def root(tree: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """With files that were written before, though only a moment."""
    monkeypatch.setattr(socket_gate, "TICK", 0)
    return tree({"stack.toml": STACK, ".env": "A=1\n"})


def client(root: Path) -> StackClient:
    stack = load(root / "stack.toml")
    return StackClient("ws", stack=lambda: stack, process={})


async def test_files_are_read_once_as_long_as_they_stay_the_same(root: Path) -> None:
    made = client(root)
    first = made.prepare()
    await first
    assert made.prepare() is first
    (root / ".env").write_text("A=22\n")
    assert made.prepare() is not first
    await made.prepare()


async def test_a_file_that_changes_while_it_is_read_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_gate, "TICK", 60 * 10**9)  # as if the clock of files were slow
    made = client(root)
    first = made.prepare()
    await first
    assert made.prepare() is not first
    await made.prepare()
