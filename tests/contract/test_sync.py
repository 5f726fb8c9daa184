"""What `env sync` plans: which values count as real, where they go, what is left to the person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.contract.sync import SyncPlan, sync_plan
from devstack.env.files import Files
from devstack.env.resolve import resolve
from devstack.env.source.scan import SourceScanner
from devstack.stack import load

Tree = Callable[[Mapping[str, str | bytes]], Path]

STACK = """
[services.web]
type = "next"
dir = "web"

[services.ws]
type = "python"
dir = "ws"
command = "python main.py"

[shared.jwt]
secret = {secret}
members = ["web:{name}", "ws:{name}"]
"""


def planned(
    root: Path, *, name: str = "JWT_SECRET", secret: bool = True, process: Mapping[str, str] | None = None
) -> tuple[SyncPlan, dict[str, str]]:
    """The plan, and the text of each file afterwards."""
    (root / "stack.toml").write_text(STACK.format(name=name, secret=str(secret).lower()))
    for folder in ("web", "ws"):
        (root / folder).mkdir(exist_ok=True)
    stack, files = load.load(root / "stack.toml"), Files(root)
    environments = resolve(stack, process=process or {}, files=files)
    plan = sync_plan(stack, environments, files, generate=lambda size: "g" * size)
    return plan, {
        change.path.relative_to(root.resolve()).as_posix(): (change.after or b"").decode()
        for change in plan.changes
    }


def test_examples_that_agree_on_a_real_value_keep_it(tree: Tree) -> None:
    value = "JWT_SECRET=Zk3vP0q8sT1uW5xY7zA2bC4dE6fG9hJk\n"

    plan, written = planned(tree({"web/.env.example": value, "ws/.env.example": value}))

    assert written == {"web/.env.local": value, "ws/.env": value}
    assert plan.conflicts == ()


def test_examples_that_differ_give_way_to_one_new_value(tree: Tree) -> None:
    files = {
        "web/.env.example": "JWT_SECRET=Zk3vP0q8sT1uW5\n",
        "ws/.env.example": "JWT_SECRET=aA2bC4dE6fG9hJk\n",
    }

    _, written = planned(tree(files))

    assert set(written.values()) == {f"JWT_SECRET={'g' * 32}\n"}


def test_a_documented_development_default_is_real(tree: Tree) -> None:
    files = {"web/.env": "LIVEKIT_API_SECRET=secret\n", "ws/.env": "LIVEKIT_API_SECRET=\n"}

    _, written = planned(tree(files), name="LIVEKIT_API_SECRET")

    assert written == {"ws/.env": "LIVEKIT_API_SECRET=secret\n"}


@pytest.mark.parametrize("word", ["test", "admin"])
def test_a_plain_word_that_is_no_secret_is_not_overwritten(tree: Tree, word: str) -> None:
    plan, written = planned(
        tree({"web/.env": f"TENANT={word}\n", "ws/.env": "TENANT=other\n"}), name="TENANT", secret=False
    )

    assert written == {}
    assert len(plan.conflicts) == 1


def test_a_value_that_only_the_shell_holds_counts_and_is_not_written_over(tree: Tree) -> None:
    plan, written = planned(
        tree({"web/.env": "JWT_SECRET=\n"}), process={"JWT_SECRET": "Zk3vP0q8sT1uW5xY7zA2"}
    )

    assert written == {}
    assert plan.is_complete


def test_a_secret_reference_is_left_alone(tree: Tree) -> None:
    plan, written = planned(
        tree({"web/.env": "JWT_SECRET=op://vault/jwt/secret\n", "ws/.env": "JWT_SECRET=\n"})
    )

    assert written == {}
    assert len(plan.notes) == 1


def test_a_shared_value_that_nobody_has_and_nobody_can_generate_stays_open(tree: Tree) -> None:
    plan, written = planned(tree({}), name="WS_URL", secret=False)

    assert written == {}
    assert "devstack env set web:WS_URL" in plan.notes[0]


def test_a_linked_env_file_of_two_services_is_one_change(tree: Tree) -> None:
    root = tree({"ws/.env": "A=1\n", "web/x": ""})
    (root / "web/.env.local").symlink_to("../ws/.env")

    _, written = planned(root)

    assert written == {"ws/.env": f"A=1\nJWT_SECRET={'g' * 32}\n"}


LINKED = """
[services.web]
type = "vite"
dir = "web"
command = "vite"

[services.ws]
type = "python"
dir = "ws"
command = "python main.py"
port = 3001

[[links]]
from = "web:VITE_WS_URL"
to = "ws"
scheme = "ws"
"""


@pytest.mark.parametrize(
    ("fallback", "written"),
    [
        ("'ws://localhost:7880'", {"web/.env.local": "VITE_WS_URL=ws://localhost:3001\n"}),
        ("'ws://localhost:3001'", {}),
        ("'/ws'", {}),
        ("location.origin", {}),
    ],
)
def test_a_url_is_derived_where_the_code_would_use_one_that_leads_elsewhere(
    tree: Tree, fallback: str, written: dict[str, str]
) -> None:
    source = f"export const url = import.meta.env.VITE_WS_URL || {fallback}\n"
    root = tree({"stack.toml": LINKED, "web/src/main.ts": source, "ws/main.py": ""})
    stack, files = load.load(root / "stack.toml"), Files(root)
    scanner = SourceScanner(root, files)
    plan = sync_plan(
        stack,
        resolve(stack, process={}, files=files),
        files,
        sources=lambda name: scanner.index(stack, name),
    )
    assert {
        change.path.relative_to(root.resolve()).as_posix(): (change.after or b"").decode()
        for change in plan.changes
    } == written
