"""A checkout with two services and three free ports, for the tests of `devstack ports`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Tree = Callable[[Mapping[str, str | bytes]], Path]

STACK = """
name = "app"
[services.web]
type = "command"
command = "true"
port = {web}
[services.web.ports]
hmr = {hmr}
[services.ws]
type = "command"
command = "true"
port = {ws}
"""


@pytest.fixture
def ports(free_port: Callable[[], int]) -> dict[str, int]:
    return {"web": free_port(), "hmr": free_port(), "ws": free_port()}


@pytest.fixture
def stack(tree: Tree, ports: dict[str, int]) -> Path:
    """A checkout with two services and three ports."""
    return tree({"stack.toml": STACK.format(**ports), ".git/HEAD": "", "server/x": ""})
