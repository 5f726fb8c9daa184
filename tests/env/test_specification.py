"""Sentences about env files that programs are known for, each as one small stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.env.files import Files
from devstack.env.model import Environment
from devstack.env.resolve import resolve
from devstack.stack.load import load
from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import ours

Tree = Callable[[Mapping[str, str | bytes]], Path]

PYTHON = '[services.ws]\ntype = "python"\ncommand = "python main.py"\ndir = "ws"\n'
LOADS = "from dotenv import find_dotenv, load_dotenv\n"


def _resolved(root: Path, process: Mapping[str, str] | None = None) -> Environment:
    found = resolve(load(root / "stack.toml"), process=process or {}, files=Files(root))
    return next(iter(found.values()))


def _texts(environment: Environment) -> dict[str, str | None]:
    return {name: value.text for name, value in environment.variables.items()}


@pytest.mark.parametrize("folder", ["migrations", "alembic", "tests", "scripts"])
def test_what_a_migration_or_a_test_loads_is_no_layer_of_the_service(tree: Tree, folder: str) -> None:
    root = tree(
        {
            "stack.toml": PYTHON,
            "ws/main.py": LOADS + "load_dotenv()\n",
            "ws/.env": "A=1\n",
            f"ws/{folder}/env.py": LOADS + "load_dotenv(find_dotenv())\n",
            f"ws/{folder}/.env": "A=2\nB=2\n",
        }
    )
    found = _resolved(root)
    assert _texts(found) == {"A": "1"}
    assert [layer.path for layer in found.layers] == [root / "ws" / ".env"]


@pytest.mark.parametrize(
    ("call", "text"), [("find_dotenv()", "inner"), ("find_dotenv(usecwd=True)", "outer")]
)
def test_find_dotenv_goes_up_from_the_calling_file_or_from_the_current_folder(
    tree: Tree, call: str, text: str
) -> None:
    files = {
        "ws/app/main.py": f"{LOADS}load_dotenv({call})\n",
        "ws/app/.env": "A=inner\n",
        "ws/.env": "A=outer\n",
    }
    assert _texts(_resolved(tree({"stack.toml": PYTHON, **files}))) == {"A": text}


@pytest.mark.parametrize("text", ["1", "true", "YES", "t"])
def test_python_dotenv_can_be_disabled_from_outside(text: str) -> None:
    case = Case(files={".env": "A=1\n"}, process={"PYTHON_DOTENV_DISABLED": text})
    assert not ours("python-dotenv@1.2", case).variables


def test_next_leaves_env_local_out_where_node_env_is_test() -> None:
    files = {".env": "A=base\n", ".env.local": "A=local\n", ".env.test": "B=test\n"}
    made = ours("next@16", Case(files=files, process={"NODE_ENV": "test"}))
    assert {name: value.text for name, value in made.variables.items()} == {"B": "test", "A": "base"}


def test_next_reads_its_files_whatever_it_left_behind_in_the_environment() -> None:
    made = ours("next@16", Case(files={".env": "A=1\n"}, process={"__NEXT_PROCESSED_ENV": "true"}))
    assert made.variables["A"].text == "1"


def test_vite_reads_env_local_also_in_the_mode_test() -> None:
    files = {".env": "A=base\n", ".env.local": "A=local\n"}
    assert ours("vite@7", Case(files=files, mode="test")).variables["A"].text == "local"


def test_vite_refuses_the_mode_local() -> None:
    made = ours("vite@7", Case(files={".env": "A=1\n"}, mode="local"))
    assert not made.variables
    assert [issue.fatal for issue in made.issues] == [True]


def test_vite_without_an_env_folder_reads_nothing(tree: Tree) -> None:
    stack = '[services.web]\ntype = "vite"\ncommand = "vite"\ndir = "web"\n'
    config = "export default { envDir: false }\n"
    root = tree({"stack.toml": stack, "web/vite.config.ts": config, "web/.env": "VITE_A=1\n"})
    assert "VITE_A" not in _resolved(root).variables


@pytest.mark.parametrize("name", ["BROWSER", "BROWSER_ARGS"])
def test_vite_copies_its_browser_settings_before_it_expands(name: str) -> None:
    made = ours("vite@7", Case(files={".env": f"A=x\n{name}=$A\nB=${name}\n"}))
    assert made.variables[name].text == "$A"


@pytest.mark.parametrize("pin", ["node@20", "node@22", "node@24"])
def test_node_does_not_start_without_its_file(pin: str) -> None:
    made = ours(pin, Case(files={}))
    assert [(issue.kind, issue.fatal) for issue in made.issues] == [("missing", True)]


def test_vite_8_expands_names_in_the_order_of_their_bytes() -> None:
    made = ours("vite@8+node@20", Case(files={".env": "X=$B}\nB=\\$A"}))
    assert {name: value.text for name, value in made.variables.items()} == {"X": "}", "B": "$A"}
    older = ours("vite@7", Case(files={".env": "X=$B}\nB=\\$A"}))
    assert older.variables["X"].text == "$A}"


@pytest.mark.parametrize(
    ("pin", "text"),
    [
        ("next@16", 'A: "$A$B'),
        ("next@16", "A=`$A$C\n1="),
        ("next@16", "A=${A.\nB="),
        ("next@16", 'A==$ABT+\n1="$A$A.B"\n'),
        ("next@16", "A_B=$A.B$A\nA=$}$AB\n"),
        ("vite@7", "A=\\$AB\nB=\\$A$A\n"),
        ("dotenv-expand@13", "A=\\$AB\nB=\\$A$A\n"),
        ("vite@7", 'a: \'${nl}$A-B\nexport\tA ="${B:-$A}{\n\\t"\n'),
        ("dotenv-expand@12", "A.B=($&'\t te\n X1=1y${A.B}"),
    ],
)
def test_references_that_lead_back_in_a_roundabout_way_are_a_circle(pin: str, text: str) -> None:
    made = ours(pin, Case(files={".env": text}))
    assert [issue.fatal for issue in made.issues] == [True]
    assert not made.variables
