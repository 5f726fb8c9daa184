"""What Bun loads on the way to a program, as Bun 1.2.23, 1.3.14 and 1.4.5 did with these commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.env import bun, versions
from devstack.env.bun_steps import Kind, Place, steps
from devstack.env.files import Files
from devstack.env.model import Environment
from devstack.env.resolve import resolve
from devstack.stack.launch import Launch
from devstack.stack.load import load
from devstack.stack.package import Package

Tree = Callable[[Mapping[str, str | bytes]], Path]

SCRIPTS = {
    "dev": "next dev",
    "srv": "bun --hot src/index.ts",
    "both": 'concurrently "bun run srv" "next dev"',
    "checked": 'concurrently "bun run lint" "next dev"',
    "lint": "eslint .",
    "production": "NODE_ENV=production bun server.ts",
    "build": "bun run build.ts",
    "stand-in": "bun --bun next dev",
    "loop": "bun run loop",
    "pretty": "bun x.ts | pino-pretty",
}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("bun server.ts", [Kind.USUAL]),
        ("bun run server.ts", [Kind.USUAL]),
        ("bun index", [Kind.USUAL]),
        ("bun src/server", [Kind.USUAL]),
        ("bun --watch run srv", [Kind.USUAL]),
        ("bun --port 4000 server.ts --env-file=.env", [Kind.USUAL]),
        ("bun server.ts --port ${PORT:-3001} 2>&1", [Kind.USUAL]),
        ("npm run srv", [Kind.USUAL]),
        ("bun run production", [Kind.USUAL]),
        ("bun install && bun server.ts", [Kind.USUAL]),
        ("bun run pretty", [Kind.USUAL]),
        ("bun run build", [Kind.USUAL]),
        ("cross-env A=1 bun server.ts", [Kind.USUAL]),
        ("dotenv -e x -- bun server.ts", [Kind.USUAL]),
        ("bun --no-env-file server.ts", [Kind.SILENT]),
        ("bun --env-file a --env-file=b,c server.ts", ["c", "b", "a", Kind.RUNS]),
        ("bun --env-file=.env.local run dev", [".env.local"]),
        ("bun run --env-file .env.local dev", [".env.local"]),
        ("bun --bun run dev", [Kind.AS_NODE]),
        ("bun run -b dev", [Kind.AS_NODE]),
        ("bun run stand-in", [Kind.AS_NODE]),
        ("bunx --bun vite", [Kind.AS_NODE]),
        ("bun x --bun vite", [Kind.AS_NODE]),
        ("bun run dev", []),
        ("bun dev", []),
        ("bun run dev --bun", []),
        ("bunx vite", []),
        ("bun run node server.js", []),
        ("bun install && bun run dev", []),
        ("bun build", []),
        ("bun run checked", []),
        ("bun run loop", []),
        ("next dev", []),
        ("bun run both", [Kind.UNSURE]),
        ("bun server.ts & next dev", [Kind.UNSURE]),
        ("nodemon --exec bun server.ts", [Kind.UNSURE]),
        ("cd api && bun server.ts", [Kind.UNSURE]),
        ("bun --cwd api server.ts", [Kind.UNSURE]),
        ("bun $FILE", [Kind.UNSURE]),
    ],
)
def test_what_bun_does_before_the_program_of_a_command(command: str, expected: list[str]) -> None:
    own = Package(path=Path("/app/package.json"), scripts=SCRIPTS)
    place = Place(package=own, is_file=lambda name: name == "index.ts")
    found = steps(command, place)
    assert [step.file if step.kind is Kind.NAMED else step.kind for step in found] == expected


def test_without_node_or_by_its_configuration_bun_takes_nodes_place() -> None:
    own = Package(path=Path("/app/package.json"), scripts=SCRIPTS)
    configured = Place(package=own, is_file=lambda _: False, instead_of_node=True)
    alone = Place(package=own, is_file=lambda _: False, without_node=True)
    assert [step.kind for step in steps("bun run dev", configured)] == [Kind.AS_NODE]
    assert [step.kind for step in steps("bunx vite", configured)] == []
    assert [step.kind for step in steps("bunx vite", alone)] == [Kind.AS_NODE]
    assert [step.kind for step in steps("npm run dev", alone)] == []


@pytest.mark.parametrize("command", ["python main.py", "npm run bundle", "npm run dev", "next dev"])
def test_no_program_is_asked_for_its_version_where_bun_has_no_part(tree: Tree, command: str) -> None:
    root = tree(
        {"package.json": json.dumps({"scripts": {"bundle": "esbuild --bundle x.ts", "dev": "next dev"}})}
    )
    started = Launch(argv=(), command=command)
    assert bun.found(started, root, Files(root), _nobody) == bun.Found()


def _nobody(name: str) -> None:
    raise AssertionError(f"{name} was asked")


def _resolved(
    root: Path, command: str, kind: str = "node", process: Mapping[str, str] | None = None
) -> Environment:
    (root / "stack.toml").write_text(f'[services.a]\ntype = "{kind}"\ncommand = "{command}"\n')
    return resolve(load(root / "stack.toml"), process=process or {}, files=Files(root))["a"]


def _texts(found: Environment) -> dict[str, str | None]:
    return {name: value.text for name, value in found.variables.items()}


FILES = {
    ".bun-version": "1.4.5",
    ".env": "A=base\nB=base\n",
    ".env.local": "A=local\n",
    ".env.production": "B=production\n",
}


def test_a_server_that_bun_runs_has_the_files_of_its_mode_and_no_assumed_dotenv(tree: Tree) -> None:
    root = tree(FILES)
    found = _resolved(root, "bun --hot server.ts")
    assert (found.loader, _texts(found)) == ("bun@1.4", {"A": "local", "B": "base"})
    assert _texts(_resolved(root, "NODE_ENV=production bun server.ts"))["B"] == "production"
    assert _texts(_resolved(root, "bun --env-file=.env server.ts")) == {"A": "base", "B": "base"}
    assert _texts(_resolved(root, "bun --no-env-file server.ts")) == {}
    assert _texts(_resolved(root, "bun server.ts", process={"A": ""}))["A"] == ""


def test_dotenv_in_the_source_comes_after_bun(tree: Tree) -> None:
    source = 'import { config } from "dotenv"\nconfig({ path: "x.env" })\n'
    dependencies = json.dumps({"dependencies": {"dotenv": "16.0.0"}})
    root = tree({**FILES, "server.ts": source, "x.env": "A=x\nC=x\n", "package.json": dependencies})
    found = _resolved(root, "bun server.ts")
    assert _texts(found) == {"A": "local", "B": "base", "C": "x"}
    assert found.loader.startswith("bun@1.4 + dotenv@16")


def test_only_an_older_bun_in_nodes_place_loads_before_next_which_then_expands_again(tree: Tree) -> None:
    root = tree({".env": "A='pa\\$word'\n", ".env.local": "B=${A:-none}\n", ".bun-version": "1.3.14\n"})
    older = _resolved(root, "bun --bun next dev", "next")
    assert (older.loader, _texts(older)) == ("bun@1.3 + next@16", {"B": "none", "A": "pa"})
    value = older.variables["A"]
    assert (value.origin.line, value.shadows) == (1, ())  # one file, read twice
    assert len(older.layers) == 4
    (root / ".bun-version").write_text("1.4.5\n")
    newer = _resolved(root, "bun --bun next dev", "next")
    assert (newer.loader, _texts(newer)) == ("next@16", {"B": "none", "A": "pa$word"})
    assert _resolved(root, "bun run next dev", "next").loader == "next@16"


def test_vite_8_parses_with_what_runs_it(tree: Tree) -> None:
    root = tree(
        {
            ".bun-version": "1.4.5",
            ".env": 'VITE_A="x\\"y"\n',
            "package.json": '{"dependencies": {"vite": "8.3.8"}}',
        }
    )
    found = _resolved(root, "bun --bun vite", "vite")
    assert (found.loader, _texts(found)) == ("vite@8+bun@1.4", {"VITE_A": 'x\\"y'})
    (root / ".nvmrc").write_text("24")
    found = _resolved(root, "bun run vite", "vite")
    assert (found.loader, _texts(found)) == ("vite@8+node@24", {"VITE_A": "x\\"})


def test_node_with_its_flag_is_bun_with_its_flag_where_bun_takes_its_place(tree: Tree) -> None:
    root = tree({**FILES, ".bun-version": "1.3.14"})
    found = _resolved(root, "bun --bun run node --env-file=.env.local server.js")
    assert (found.loader, _texts(found)) == ("bun@1.3", {"A": "local"})
    assert _resolved(root, "bun run node --env-file=.env.local server.js").loader.startswith("node@")


def test_bunfig_can_forbid_loading(tree: Tree) -> None:
    root = tree({**FILES, "bunfig.toml": "env = false\n"})
    assert _texts(_resolved(root, "bun server.ts")) == {}
    (root / ".bun-version").write_text("1.2.23")
    assert _texts(_resolved(root, "bun server.ts"))["A"] == "local"


def test_a_package_of_a_workspace_is_run_in_its_own_folder(tree: Tree) -> None:
    root = tree(
        {
            "package.json": '{"workspaces": ["api"]}',
            "api/package.json": '{"name": "api", "scripts": {"dev": "bun --env-file=x.env server.ts"}}',
            ".env": "A=root\n",
            "api/x.env": "A=api\n",
        }
    )
    for command in ("pnpm --filter api dev", "bun --filter api dev"):
        assert _texts(_resolved(root, command)) == {"A": "api"}


def test_where_bun_runs_something_beside_the_service_nothing_is_concluded(tree: Tree) -> None:
    root = tree({**FILES, "package.json": json.dumps({"scripts": SCRIPTS})})
    found = _resolved(root, "bun run both", "next")
    assert [issue.kind for issue in found.issues] == ["dynamic"]
    assert "`bun --hot src/index.ts`" in found.issues[0].message
    assert found.loader == "next@16"


@pytest.mark.parametrize(
    ("files", "installed", "version"),
    [
        ({".bun-version": "1.3.4\n"}, (1, 4, 5), "1.3"),
        ({".tool-versions": "node 20.1.0\nbun 1.2.3\n"}, None, "1.2"),
        ({"package.json": '{"packageManager": "bun@1.1.45"}'}, None, "1.2"),
        ({}, (1, 3, 14), "1.3"),
        ({}, (1, 9, 0), "1.4"),
        ({}, (2, 0, 0), "1.4"),
        ({}, None, "1.4"),
    ],
)
def test_the_project_or_the_installed_program_says_which_bun(
    tree: Tree, files: dict[str, str], installed: tuple[int, ...] | None, version: str
) -> None:
    root = tree(files)
    assert versions.choose("bun", root, Files(root), lambda _: installed) == f"bun@{version}"
