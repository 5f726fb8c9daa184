from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.env.child import child_environment
from devstack.env.files import Files
from devstack.env.model import Environment, LayerKind
from devstack.env.resolve import lookup, resolve
from devstack.stack.launch import launch
from devstack.stack.load import load
from devstack.stack.reference import reference

Tree = Callable[[Mapping[str, str | bytes]], Path]


def _resolved(root: Path, process: Mapping[str, str] | None = None) -> dict[str, Environment]:
    return resolve(load(root / "stack.toml"), process=process or {}, files=Files(root))


def _child(root: Path, service: str, process: Mapping[str, str]) -> dict[str, str]:
    stack = load(root / "stack.toml")
    one = stack.services[service]
    environment = resolve(stack, process=process, files=Files(root))[service]
    return child_environment(stack, one, environment, process=process, launch=launch(stack, one))


NEXT = '[services.web]\ntype = "next"\ndir = "web"\nport = 3000\n'


def test_a_next_service_reads_its_files_and_keeps_what_is_exported(tree: Tree) -> None:
    root = tree({"stack.toml": NEXT, "web/.env": "A=1\nB=2\n", "web/.env.local": "A=local\n"})
    found = _resolved(root, {"B": "exported"})["web"].variables
    assert (found["A"].text, found["A"].origin.line) == ("local", 1)
    assert [shadow.origin.path for shadow in found["A"].shadows] == [root / "web" / ".env"]
    assert (found["B"].text, found["B"].origin.layer) == ("exported", LayerKind.PROCESS)


def test_set_wins_over_files_and_knows_its_line_in_stack_toml(tree: Tree) -> None:
    root = tree({"stack.toml": NEXT + '[services.web.env.set]\nA = "set"\n', "web/.env": "A=1\n"})
    value = _resolved(root)["web"].variables["A"]
    assert (value.text, value.origin.layer, value.origin.line) == ("set", LayerKind.SET, 6)


def test_the_default_port_variable_yields_to_an_env_file(tree: Tree) -> None:
    root = tree({"stack.toml": NEXT, "web/.env": "PORT=4000\n"})
    assert _resolved(root)["web"].variables["PORT"].text == "4000"
    assert "PORT" not in _child(root, "web", {})


def test_a_declared_port_variable_wins_over_an_env_file(tree: Tree) -> None:
    root = tree({"stack.toml": NEXT + 'port_env = "PORT"\n', "web/.env": "PORT=4000\n"})
    assert _resolved(root)["web"].variables["PORT"].text == "3000"
    assert _child(root, "web", {})["PORT"] == "3000"


def test_only_services_that_inject_get_values_of_files(tree: Tree) -> None:
    command = '[services.run]\ntype = "command"\ncommand = "./run"\n[services.own]\ntype = "python"\ncommand = "x"\n'
    root = tree({"stack.toml": command, ".env": "A=1\n"})
    process = {"HOME": "/home", "DEVSTACK_RUN": "r", "DEVSTACK_SERVICE": "s"}
    assert _child(root, "run", process) == {"HOME": "/home", "A": "1"}
    assert _child(root, "own", process) == {"HOME": "/home"}


def test_a_program_with_nexts_loader_gets_nothing_injected(tree: Tree) -> None:
    declared = '[services.web]\ntype = "command"\ncommand = "x"\n[services.web.env]\nloader = "next"\n'
    root = tree({"stack.toml": declared, ".env": "A=pa\\$word\n"})
    assert _resolved(root)["web"].variables["A"].text == "pa$word"
    assert "A" not in _child(root, "web", {})
    (root / "stack.toml").write_text(declared.replace('"x"', '"dotenv -e other -- x"'))
    assert "A" not in _child(root, "web", {})


def test_of_several_layers_the_earlier_wins_unless_a_later_one_overrides(tree: Tree) -> None:
    layers = '{ loader = "dotenv", files = ["a"] }, { loader = "dotenv", files = ["b"] }'
    override = '{ loader = "python-dotenv", files = ["c"], override = true }'
    declared = (
        f'[services.x]\ntype = "command"\ncommand = "x"\n[services.x.env]\nlayers = [{layers}, {override}]\n'
    )
    root = tree({"stack.toml": declared, "a": "A=a\nB=a\n", "b": "A=b\nC=b\n", "c": "B=c\n"})
    found = _resolved(root)["x"].variables
    assert {name: value.text for name, value in found.items()} == {"A": "a", "B": "c", "C": "b"}
    assert [shadow.text for shadow in found["B"].shadows] == ["a"]


def test_load_dotenv_in_the_source_decides_the_files(tree: Tree) -> None:
    source = (
        'from dotenv import load_dotenv\nload_dotenv(".env.local")\nload_dotenv("x.env", override=True)\n'
    )
    root = tree(
        {
            "stack.toml": '[services.ws]\ntype = "python"\ncommand = "python main.py"\ndir = "ws"\n',
            "ws/main.py": source,
            "ws/.env": "A=wrong\n",
            "ws/.env.local": "A=local\nB=local\n",
            "ws/x.env": "B=x\n",
        }
    )
    found = _resolved(root)["ws"]
    assert {name: value.text for name, value in found.variables.items()} == {"A": "local", "B": "x"}


def test_python_searches_upward_for_its_file(tree: Tree) -> None:
    root = tree(
        {"stack.toml": '[services.ws]\ntype = "python"\ncommand = "x"\ndir = "a/b"\n', ".env": "A=up\n"}
    )
    (root / "a" / "b").mkdir(parents=True)
    found = _resolved(root)["ws"]
    assert found.variables["A"].text == "up"
    assert [layer.exists for layer in found.layers] == [False, False, True]


def test_vite_config_says_where_files_are_and_what_is_public(tree: Tree) -> None:
    config = 'export default defineConfig(({ mode }) => ({ envDir: "..", envPrefix: ["APP_"], x: p({mode: 1}) }))\n'
    root = tree(
        {
            "stack.toml": '[services.web]\ntype = "vite"\ndir = "web"\ncommand = "vite --mode staging"\n',
            "web/vite.config.ts": config,
            ".env.staging": "APP_A=1\nVITE_A=2\n",
        }
    )
    found = _resolved(root)["web"]
    assert (found.mode, found.variables["APP_A"].text) == ("staging", "1")
    assert (found.is_public("APP_A"), found.is_public("VITE_A")) == (True, False)
    assert not found.issues


@pytest.mark.parametrize(
    ("prefix", "public"),
    [
        ("[]", []),
        ("['B']", ["B"]),
        ("'B'", ["B"]),
        ("[`${PREFIX}`]", ["VITE_A"]),
        ("[...more]", ["VITE_A"]),
        ("undefined", ["VITE_A"]),
    ],
)
def test_an_empty_list_of_prefixes_publishes_nothing(tree: Tree, prefix: str, public: list[str]) -> None:
    root = tree(
        {
            "stack.toml": '[services.web]\ntype = "vite"\ncommand = "vite"\n',
            "vite.config.js": f"export default {{ envPrefix: {prefix} }}\n",
            ".env": "VITE_A=1\nB=2\n",
        }
    )
    found = _resolved(root)["web"]
    assert [name for name in found.variables if found.is_public(name)] == public


def test_the_installed_version_decides_the_rules(tree: Tree) -> None:
    root = tree(
        {
            "stack.toml": '[services.web]\ntype = "vite"\ndir = "web"\n',
            "web/.env": "A=pa$1word\n",
            "web/node_modules/vite/package.json": '{"name": "vite", "version": "5.4.21"}',
        }
    )
    found = _resolved(root)["web"]
    assert (found.loader, found.variables["A"].text) == ("vite@5", "pa")


def test_a_reference_follows_its_operators(tree: Tree) -> None:
    root = tree({"stack.toml": NEXT, "web/.env": "A=\nB=b\n"})
    environment = _resolved(root)["web"]
    assert lookup(reference("web:A|B"), environment).name == "B"
    assert lookup(reference("web:A?B"), environment).name == "A"
    assert lookup(reference("web:X|Y"), environment).tried == ("X", "Y")
