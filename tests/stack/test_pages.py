"""Where page servers find their project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.stack import pages
from devstack.stack.model import ServiceType

VITE, NEXT = ServiceType.VITE, ServiceType.NEXT


@pytest.mark.parametrize(
    ("kind", "text", "root", "config"),
    [
        (VITE, "vite", None, None),
        (VITE, "vite web --port 3000", "web", None),
        (VITE, "vite --port 3000 web", "web", None),
        (VITE, "vite dev ./web --host", "web", None),
        (VITE, "vite --mode staging --strictPort", None, None),
        (VITE, "vite -c config/dev.ts", None, "config/dev.ts"),
        (VITE, "vite serve --config=../dev.ts web", "web", "../dev.ts"),
        (VITE, "vite $ROOT", None, None),
        (NEXT, "next dev apps/web -p 3000", "apps/web", None),
        (NEXT, "next dev --turbopack -H 0.0.0.0", None, None),
        (NEXT, "cross-env A=1 npx next dev ./web", "web", None),
        (VITE, "tsc -b && vite web", "web", None),
    ],
)
def test_the_command_line_names_folder_and_configuration(
    kind: ServiceType, text: str, root: str | None, config: str | None, tmp_path: Path
) -> None:
    found = pages.find(kind, text, tmp_path)
    assert found.cwd == tmp_path
    assert found.root == (root and tmp_path / root)
    assert found.config == (config and (tmp_path / config).resolve())


def test_scripts_of_other_folders_are_followed(tree: Callable[..., Path]) -> None:
    root = tree({"apps/web/package.json": '{"scripts": {"dev": "vite src"}}'})
    for text in ("cd apps/web && npm run dev", "npm --prefix apps/web run dev", "pnpm -C apps/web dev"):
        found = pages.find(VITE, text, root)
        assert (found.cwd, found.root) == (root / "apps/web", root / "apps/web/src"), text


def test_scripts_that_call_each_other_end(tree: Callable[..., Path]) -> None:
    root = tree({"package.json": '{"scripts": {"dev": "npm run start", "start": "npm run dev"}}'})
    assert pages.find(VITE, "npm run dev", root).folder == root
