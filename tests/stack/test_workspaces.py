"""Commands about one package of a workspace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devstack.stack import pages, workspaces


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "package.json").write_text(json.dumps({"workspaces": ["apps/*"]}))
    for name in ("web", "api"):
        folder = tmp_path / "apps" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(
            json.dumps({"name": f"@acme/{name}", "scripts": {"dev": f"{name}-server"}})
        )
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "pnpm --filter @acme/web dev",
        "pnpm --filter=@acme/web run dev",
        "pnpm -F ./apps/web dev",
        "npm run dev -w apps/web",
        "npm run dev --workspace=@acme/web",
        "yarn workspace @acme/web dev",
        "npm --prefix apps/web run dev",
    ],
)
def test_the_script_is_that_of_the_package(command: str, root: Path) -> None:
    script = pages.behind(tuple(command.split()), root)
    assert script is not None
    assert (script.text, script.path) == ("web-server", root / "apps" / "web" / "package.json")


@pytest.mark.parametrize(
    "command",
    [
        "pnpm --filter @acme/web... dev",
        "pnpm --filter ./apps/* dev",
        "pnpm --filter other dev",
        "pnpm -r dev",
        "pnpm -w dev",
        "npm run dev --workspaces",
    ],
)
def test_several_packages_or_none_are_no_package(command: str, root: Path) -> None:
    assert pages.behind(tuple(command.split()), root) is None


@pytest.mark.parametrize(
    "text", ["packages:\n  - 'apps/*'\n  - \"!apps/old\"\n", 'packages: ["apps/*", "libs/*"]\n']
)
def test_pnpm_lists_its_packages_in_two_ways(text: str, root: Path) -> None:
    (root / "package.json").write_text("{}")
    (root / "pnpm-workspace.yaml").write_text(text)
    assert set(workspaces.named(root)) == {"@acme/web", "@acme/api"}
