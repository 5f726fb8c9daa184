"""How a service loads its env files, as its command says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.env.files import Files
from devstack.env.resolve import resolve
from devstack.stack.load import load


@pytest.mark.parametrize(
    ("kind", "command", "mode"),
    [
        ("python", "python3 -m http.server", "development"),
        ("vite", "vite -m staging", "staging"),
        ("vite", "vite --mode=staging", "staging"),
        ("next", "next build", "production"),
    ],
)
def test_the_mode_is_read_from_flags_of_vite_only(
    tree: Callable[[dict[str, str]], Path], kind: str, command: str, mode: str
) -> None:
    root = tree({"stack.toml": f'[services.a]\ntype = "{kind}"\ncommand = "{command}"\n'})
    found = resolve(load(root / "stack.toml"), process={}, files=Files(root))
    assert found["a"].mode == mode
