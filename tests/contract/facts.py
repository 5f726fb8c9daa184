"""Facts of a small repository for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from devstack.contract.members import Facts
from devstack.env.files import Files
from devstack.env.resolve import resolve
from devstack.env.source.scan import SourceScanner
from devstack.stack import load

TWO = """\
name = "two"
[services.web]
type = "next"
dir = "web"
port = 3000
[services.ws]
type = "python"
dir = "ws"
command = "python main.py"
port = 3001
"""


def facts_of(root: Path, process: Mapping[str, str] | None = None) -> Facts:
    """Load the stack in `root` and resolve it."""
    stack = load.load(root / "stack.toml")
    files = Files(root)
    scanner = SourceScanner(root, files)
    return Facts(
        stack=stack,
        environments=resolve(stack, process=process or {}, files=files),
        sources=lambda name: scanner.index(stack, stack.services[name]),
        files=files,
    )
