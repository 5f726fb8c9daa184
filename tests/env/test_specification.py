"""Sentences about env files that programs are known for, each as one small stack."""

from __future__ import annotations

import subprocess
import sys
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


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("find_dotenv('.env.dev')", "inner"),
        ("find_dotenv('.env.dev', usecwd=True)", "outer"),
        ("find_dotenv('.env.top')", "top"),
        ("os.path.join(os.path.dirname(__file__), '..', '.env.dev')", "outer"),
    ],
)
def test_a_file_of_another_name_is_found_where_the_real_program_finds_it(
    tree: Tree, call: str, text: str
) -> None:
    root = tree(
        {
            "stack.toml": PYTHON,
            "ws/app/main.py": f"import os\n{LOADS}load_dotenv({call})\nprint(os.environ['A'])\n",
            "ws/app/.env.dev": "A=inner\n",
            "ws/.env.dev": "A=outer\n",
            ".env.top": "A=top\n",
        }
    )
    real = subprocess.run(
        [sys.executable, "app/main.py"], cwd=root / "ws", capture_output=True, text=True, check=True
    )
    assert real.stdout.strip() == text
    assert _texts(_resolved(root)) == {"A": text}


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


@pytest.mark.parametrize("prefix", ["''", "['VITE_', '']"])
def test_vite_does_not_start_with_an_empty_prefix(tree: Tree, prefix: str) -> None:
    stack = '[services.web]\ntype = "vite"\ncommand = "vite"\ndir = "web"\n'
    config = f"export default {{ envPrefix: {prefix} }}\n"
    found = _resolved(
        tree({"stack.toml": stack, "web/vite.config.ts": config, "web/.env": "VITE_A=1\nB=2\n"})
    )
    assert [(issue.path.name, issue.fatal) for issue in found.issues] == [("vite.config.ts", True)]
    assert not found.is_public("B")


def test_vite_gives_the_page_no_name_without_its_prefix() -> None:
    made = ours("vite@8+node@20", Case(files={".env": "NODE_ENV=production\nPORT=4000\nVITE_A=1\n"}))
    public = [name for name in made.variables if name.startswith(made.prefixes)]
    assert (public, made.variables["NODE_ENV"].text) == (["VITE_A"], "production")


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


def test_honcho_takes_a_list_of_files_of_which_the_last_wins_also_over_what_is_exported(tree: Tree) -> None:
    files = 'files = ["a.env", "missing.env", "b.env"]\n'
    stack = f'[services.x]\ntype = "command"\ncommand = "x"\n[services.x.env]\nloader = "honcho"\n{files}'
    root = tree({"stack.toml": stack, "a.env": "A=1\nB=1\n", "b.env": "B=2\nC=2\n"})
    assert _texts(_resolved(root, {"B": "exported"})) == {"A": "1", "B": "2", "C": "2"}


def test_compose_has_the_process_win_in_references_and_the_file_as_a_value() -> None:
    case = Case(files={".env": "HOST=file\nURL=ws://${HOST}\n"}, process={"HOST": "exported"})
    made = ours("compose", case)
    assert {name: value.text for name, value in made.variables.items()} == {
        "HOST": "file",
        "URL": "ws://exported",
    }


def test_a_name_alone_in_a_compose_file_is_inherited() -> None:
    made = ours("compose", Case(files={".env": "A\nB\nC=1\n"}, process={"A": "exported"}))
    assert {name: value.text for name, value in made.variables.items()} == {"A": "exported", "C": "1"}


def test_a_name_alone_in_a_compose_file_keeps_an_unknown_value_unknown() -> None:
    hard = "".join("${B:-" for _ in range(2_100)) + "}" * 2_100
    for names in ("A\n", "A\n" * 9):
        made = ours("compose", Case(files={".env": f"A={hard}\n{names}C=1\n"}))
        assert (made.variables["A"].text, made.variables["C"].text) == (None, "1")
        assert made.variables["A"].unknown


def test_one_malformed_line_costs_compose_the_whole_file() -> None:
    made = ours("compose", Case(files={".env": "A=1\n// note\nB=2\n"}))
    assert not made.variables
    assert [(issue.line, issue.fatal) for issue in made.issues] == [(2, True)]


@pytest.mark.parametrize(
    ("pin", "process", "text"),
    [
        ("dotenv-expand@1000", {"A": ""}, "file"),  # an empty exported value counts as none
        ("dotenv-expand@13", {"A": ""}, "file"),
        ("dotenv@18", {"A": ""}, ""),
        ("vite@8+node@20", {"A": ""}, ""),
        ("node@24", {"A": ""}, ""),
        ("python-dotenv@1.2", {"A": ""}, ""),
        ("pydantic", {"A": ""}, ""),
        ("honcho", {"A": ""}, "file"),
        ("compose", {"A": ""}, "file"),
        ("shell", {"A": ""}, "file"),
    ],
)
def test_who_wins_over_an_empty_exported_value(pin: str, process: dict[str, str], text: str) -> None:
    assert ours(pin, Case(files={".env": "A=file\n"}, process=process)).variables["A"].text == text


def test_dotenv_expand_1000_runs_commands_and_we_do_not(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    made = ours("dotenv-expand@1000", Case(files={".env": f"A=$(touch {trace})\nB=${{A}}\nC=1\n"}))
    assert (made.variables["A"].unknown, made.variables["C"].text) != (None, None)
    assert made.variables["B"].unknown
    assert [issue.kind for issue in made.issues] == ["executes"]
    assert not trace.exists()


# What the specification's tenth section says about spellings that all programs read alike.
_ALL = (
    *("next@16", "vite@5", "vite@7", "vite@8+node@20", "vite@8+node@24", "dotenv@18", "dotenv-expand@11"),
    *("dotenv-expand@13", "node@20", "node@24", "python-dotenv@1.2", "python-dotenv@1.1", "pydantic"),
)
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def _read(pins: tuple[str, ...], written: str) -> set[str | None]:
    found = [ours(pin, Case(files={".env": f"A={written}\nB=2\n"})).variables.get("A") for pin in pins]
    return {None if value is None else value.text for value in found}


def test_bare_values_agree_but_for_six_characters() -> None:
    for character in set(_PRINTABLE) - set("\"#$'\\`"):
        assert _read((*_ALL, "honcho", "compose"), f"x{character}y") == {f"x{character}y"}
    assert _read(_ALL, "x\\y") == {"x\\y"}
    assert _read(("honcho",), "x\\y") == {"xy"}
    assert _read((*_ALL, "honcho", "compose"), "x`y") == {"x`y"}
    assert len(_read(_ALL, "`x`")) == 2


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quoted_values_agree_but_for_the_quote_the_dollar_and_the_backslash(quote: str) -> None:
    for character in set(_PRINTABLE + " ") - {quote, "$", "\\"}:
        assert _read((*_ALL, "honcho", "compose"), f"{quote}x{character}y{quote}") == {f"x{character}y"}


def test_a_dollar_is_safe_at_the_end_and_before_what_begins_no_name() -> None:
    for value in ("x$", "x$-y", "x$/y", "x$ y"):
        assert _read((*_ALL, "honcho"), f'"{value}"') == {value}
    assert len(_read(_ALL, '"x$y"')) > 1
    # dotenv-expand 11, also the one inside Vite 5, takes a dot for a letter.
    assert (_read(("vite@5",), "x$.y"), _read(("vite@7",), "x$.y")) == ({"x"}, {"x$.y"})


def test_an_escaped_newline_agrees_everywhere_and_a_real_one_but_in_honcho() -> None:
    assert _read((*_ALL, "honcho", "compose"), '"a\\nb"') == {"a\nb"}
    assert _read((*_ALL, "compose"), '"a\nb"') == {"a\nb"}
    assert _read(("honcho",), '"a\nb"') == {None}
