"""The graph as text, Mermaid and Graphviz."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from devstack.stack import drawing
from devstack.stack.load import load
from devstack.stack.model import Stack

Tree = Callable[[Mapping[str, str | bytes]], Path]

STACK = """\
name = 'say "hi"'
[services.seed]
type = "command"
command = "x"
oneshot = true
[services.ws]
type = "python"
command = "x"
port = 3001
depends_on = { seed = "completed" }
[services.web]
type = "next"
port = 3000
ports = { hmr = 24678 }
depends_on = ["ws"]
[shared.jwt]
secret = true
members = ["web:S", "ws:S|T", "=x"]
[[links]]
from = "web:NEXT_PUBLIC_WS_URL"
to = "ws"
scheme = ["ws", "wss"]
path = "/ws"
[[links]]
from = "ws:H+P"
to = "web.hmr"
wait = false
[[origins]]
from = "ws:CORS"
allows = ["web"]
"""


@pytest.fixture
def stack(tree: Tree) -> Stack:
    return load(tree({"stack.toml": STACK}) / "stack.toml")


def test_text_shows_start_order_and_contract(stack: Stack) -> None:
    assert drawing.text(stack) == (
        'say "hi"\n'
        "\n"
        "start order\n"
        "  1. seed  command\n"
        "  2. ws    python  :3001  after seed (completed)\n"
        "  3. web   next  :3000 hmr:24678  after ws\n"
        "\n"
        "links\n"
        "  web:NEXT_PUBLIC_WS_URL -> ws/wss://ws:3001/ws\n"
        "  ws:H+P -> web.hmr:24678\n"
        "\n"
        "shared\n"
        "  jwt (secret): web:S = ws:S|T = =…\n"
        "\n"
        "origins\n"
        "  ws:CORS allows web\n"
    )


def test_mermaid_and_dot_hold_dependencies_links_and_groups(stack: Stack) -> None:
    mermaid, dot = drawing.mermaid(stack), drawing.dot(stack)

    assert '  s1 -->|"completed"| s0\n' in mermaid
    assert '  s2 -.->|"NEXT_PUBLIC_WS_URL"| s1\n' in mermaid
    assert '  s2 ---|"jwt"| s1\n' in mermaid
    assert dot.startswith('digraph "say \\"hi\\"" {\n')
    assert '"web" -> "ws" [label="NEXT_PUBLIC_WS_URL", style=dashed, color=blue];' in dot


@pytest.mark.e2e
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_back_and_get_names(
    shell: str, devstack: Callable[..., Any], tmp_path: Path
) -> None:
    script = devstack("completion", shell, cwd=tmp_path)
    # bash and zsh say which word is being typed, fish says the word itself
    asked = {
        "_DEVSTACK_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "devstack gra",
        "COMP_CWORD": "gra" if shell == "fish" else "1",
    }
    answer = devstack(cwd=tmp_path, env=asked)

    assert (script.code, answer.code) == (0, 0)
    assert f"_DEVSTACK_COMPLETE={shell}_complete" in script.out
    assert "graph" in answer.out
    assert "doctor" not in answer.out
