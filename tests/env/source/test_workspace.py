"""Packages of the repository that a service is built from."""

from __future__ import annotations

from pathlib import Path

from devstack.env.source import workspace


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _names(folder: Path, found: tuple[Path, ...]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found]


def test_packages_are_followed_through_each_other_and_circles_end(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {
            "package.json": '{"workspaces": {"packages": ["apps/*", "libs/**"]}}',
            "apps/web/package.json": '{"name": "web", "dependencies": {"@a/one": "*", "react": "^19.0.0"}}',
            "libs/deep/one/package.json": '{"name": "@a/one", "dependencies": {"@a/two": "workspace:*"}}',
            "libs/two/package.json": '{"name": "@a/two", "devDependencies": {"@a/one": "*", "web": "*"}}',
            "libs/node_modules/x/package.json": '{"name": "react"}',
        },
    )
    assert _names(root, workspace.Workspaces().packages(root / "apps/web")) == ["libs/deep/one", "libs/two"]


def test_a_package_by_path_needs_no_workspace(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {
            "web/package.json": '{"dependencies": {"shared": "file:../shared", "ws": "^8.0.0"}}',
            "shared/package.json": '{"name": "shared"}',
            "ws/package.json": '{"name": "ws"}',
        },
    )
    assert _names(root, workspace.Workspaces().packages(root / "web")) == ["shared"]


def test_nothing_is_found_above_the_repository(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {
            "package.json": '{"workspaces": ["*", "repo/*"]}',
            "lib/package.json": '{"name": "lib"}',
            "repo/.git/HEAD": "",
            "repo/web/package.json": '{"dependencies": {"lib": "*"}}',
        },
    )
    assert workspace.Workspaces().packages(root / "repo/web") == ()


def test_poetry_takes_packages_by_path(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {
            "ws/pyproject.toml": '[tool.poetry.group.dev.dependencies]\ncore = { path = "../core", develop = true }\n',
            "core/pyproject.toml": '[project]\nname = "core"\n',
        },
    )
    assert _names(root, workspace.Workspaces().packages(root / "ws")) == ["core"]


def test_files_that_are_no_json_or_toml_hold_no_packages(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {"package.json": '{"workspaces": 3}', "web/package.json": "[", "web/pyproject.toml": "= ["},
    )
    assert workspace.Workspaces().packages(root / "web") == ()
    assert workspace.aliases(root / "web") == {}


def test_aliases_follow_extends_and_name_the_library_that_holds_the_module(tmp_path: Path) -> None:
    root = _write(
        tmp_path,
        {
            ".git/HEAD": "",
            "tsconfig.base.json": '{"compilerOptions": {"paths": {"@o/env": ["libs/env/src/index.ts"]}}}',
            "apps/api/tsconfig.json": '{"extends": "../../tsconfig.base", "compilerOptions": '
            '{"paths": {"@/*": ["./src/*"], "@s/*": ["../../shared/*"]}}}',
            "apps/api/src/a.ts": "",
            "libs/env/package.json": "{}",
            "libs/env/src/index.ts": "",
            "shared/x.ts": "",
        },
    )
    found = workspace.aliases(root / "apps/api")
    assert {name: path.relative_to(root).as_posix() for name, path in found.items()} == {
        "@s": "shared",
        "@o/env": "libs/env",
    }
