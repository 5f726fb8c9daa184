"""What each member is worth to the code that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.contract.members import Effective, Provenance
from tests.contract.facts import TWO, facts_of

Tree = Callable[[Mapping[str, str | bytes]], Path]


def worth(
    tree: Tree, member: str, files: Mapping[str, str], process: Mapping[str, str] | None = None
) -> Effective:
    """The effective value of one declared member."""
    stack = f'{TWO}[shared.x]\nmembers = ["{member}"]\n'
    root = tree({"stack.toml": stack, "web/package.json": "{}", "ws/main.py": "", **files})
    facts = facts_of(root, process)
    return facts.effective(facts.stack.shared["x"].members[0])


def test_a_set_variable_gives_its_value_and_line(tree: Tree) -> None:
    found = worth(tree, "ws:A", {"ws/.env": "B=1\nA=tulip\n"})
    assert (found.text, found.name, found.line, found.provenance) == ("tulip", "A", 2, Provenance.ENVIRONMENT)


@pytest.mark.parametrize(
    ("member", "env", "text", "name"),
    [
        ("ws:A|B", "A=\nB=rose\n", "rose", "B"),
        ("ws:A|B", "B=rose\n", "rose", "B"),
        ("ws:A?B", "A=\nB=rose\n", "", "A"),
        ("ws:A?B", "B=rose\n", "rose", "B"),
        ("ws:A|B", "A=tulip\nB=rose\n", "tulip", "A"),
        ("ws:A|B", "A=\n", "", "A"),
    ],
)
def test_alternatives_fall_through_as_the_code_does(
    tree: Tree, member: str, env: str, text: str, name: str
) -> None:
    found = worth(tree, member, {"ws/.env": env})
    assert (found.text, found.name) == (text, name)


def test_nothing_set_names_the_first_variable(tree: Tree) -> None:
    found = worth(tree, "ws:A|B", {"ws/.env": "C=1\n"})
    assert (found.text, found.name, found.provenance) == (None, "A", Provenance.NOTHING)
    assert found.is_nothing


@pytest.mark.parametrize(
    ("env", "code", "text"),
    [
        ("C=1\n", "import os\nx = os.getenv('A', 'rose')\n", "rose"),
        ("A=\n", "import os\nx = os.getenv('A', 'rose')\n", ""),
        ("A=\n", "import os\nx = os.getenv('A') or 'rose'\n", "rose"),
        ("A=tulip\n", "import os\nx = os.getenv('A') or 'rose'\n", "tulip"),
        ("D=daisy\n", "import os\nx = os.getenv('A') or os.getenv('D') or 'rose'\n", "daisy"),
    ],
)
def test_the_literal_of_the_source_counts_only_where_it_applies(
    tree: Tree, env: str, code: str, text: str
) -> None:
    assert worth(tree, "ws:A", {"ws/.env": env, "ws/main.py": code}).text == text


def test_a_fallback_knows_its_line(tree: Tree) -> None:
    found = worth(tree, "ws:A", {"ws/.env": "B=1\n", "ws/main.py": "import os\nx = os.getenv('A', 'rose')\n"})
    assert (found.provenance, found.path, found.line) == (Provenance.FALLBACK, "ws/main.py", 2)


def test_two_different_literals_leave_it_open(tree: Tree) -> None:
    code = "import os\nx = os.getenv('A', 'rose')\ny = os.getenv('A', 'tulip')\n"
    found = worth(tree, "ws:A", {"ws/.env": "B=1\n", "ws/main.py": code})
    assert found.unknown is not None
    assert found.text is None


def test_a_secret_reference_is_unknown(tree: Tree) -> None:
    found = worth(tree, "ws:A", {"ws/.env": "A=op://vault/item/field\n"})
    assert not found.is_known
    assert not found.is_nothing


@pytest.mark.parametrize(
    ("part", "text"),
    [("password", "p@ss"), ("user", "app"), ("host", "db"), ("port", "5432"), ("path", "main")],
)
def test_parts_of_a_url(tree: Tree, part: str, text: str) -> None:
    assert worth(tree, f"ws:URL#{part}", {"ws/.env": "URL=postgresql://app:p%40ss@db/main\n"}).text == text


def test_a_part_of_what_is_no_url_is_unknown(tree: Tree) -> None:
    assert not worth(tree, "ws:URL#password", {"ws/.env": "URL=tulip\n"}).is_known


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.yaml", "port: 7880\nkeys:\n  devkey: rose\n"),
        ("x.json", '{"keys": {"devkey": "rose"}}\n'),
        ("x.toml", '[keys]\ndevkey = "rose"\n'),
    ],
)
def test_keys_of_files(tree: Tree, name: str, content: str) -> None:
    found = worth(tree, f"file:{name}#keys.devkey", {name: content})
    assert (found.text, found.provenance) == ("rose", Provenance.FILE)
    assert found.line == content[: content.index("devkey")].count("\n") + 1


@pytest.mark.parametrize("content", ["keys: [", "\t- a: b: c"])
def test_a_file_that_cannot_be_parsed_is_unknown(tree: Tree, content: str) -> None:
    assert not worth(tree, "file:x.yaml#keys.devkey", {"x.yaml": content}).is_known


def test_a_missing_file_is_unknown_and_a_missing_key_is_nothing(tree: Tree) -> None:
    assert not worth(tree, "file:none.yaml#a", {}).is_known
    assert worth(tree, "file:x.yaml#a", {"x.yaml": "b: 1\n"}).is_nothing


def test_a_literal_is_itself(tree: Tree) -> None:
    assert worth(tree, "=rose", {}).text == "rose"


def test_an_exported_value_wins(tree: Tree) -> None:
    assert worth(tree, "ws:A", {"ws/.env": "A=tulip\n"}, {"A": "rose"}).text == "rose"


def test_a_file_that_the_program_cannot_load_leaves_it_open(tree: Tree) -> None:
    assert not worth(tree, "web:A", {"web/.env": "B=$B --x\nA=tulip\n"}).is_known


def test_no_repr_shows_a_value(tree: Tree) -> None:
    assert "tulip" not in repr(worth(tree, "ws:A", {"ws/.env": "A=tulip\n"}))
