"""The JSON Schema says what the loader says: real files pass, mistakes do not."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from devstack.stack.jsonschema import json_schema
from devstack.stack.load import load_tolerant

Tree = Callable[[Mapping[str, str | bytes]], Path]
ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([ROOT / "stack.toml", *(ROOT / "templates").glob("*/stack.toml")])
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

SERVICE = '[services.web]\ntype = "next"\nport = 3000\n'


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_real_files_are_valid(path: Path) -> None:
    VALIDATOR.validate(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        (SERVICE, True),
        (SERVICE + 'depends_on = { a = "ready" }\n[services.a]\ntype = "node"\n', True),
        (SERVICE + "depends_on = [1]\n", False),
        (SERVICE + 'restart = "always"\n', True),
        (SERVICE + 'restart = { backoff = "1s..2s", max = 1 }\n', True),
        (SERVICE + "restart = true\n", False),
        (SERVICE + "ready = { tcp = true }\n", True),
        (SERVICE + 'ready = { tcp = true, http = "/" }\n', False),
        (SERVICE + 'ready = { http = "/", status = [200, 204] }\n', True),
        (SERVICE + "ready = {}\n", False),
        (SERVICE + 'prot = "x"\n', False),
        (SERVICE + "ports = { hmr = 70000 }\n", False),
        (SERVICE + 'stop = { grace = "5" }\n', False),
        (SERVICE + 'stop = { grace = "5s" }\n', True),
        (SERVICE + 'websocket = { expect = "open", path = "/ws" }\n', True),
        (SERVICE + 'websocket = { expect = "closed" }\n', False),
        (SERVICE + "websocket = { expect = { close = [1, 2] } }\n", False),
        (SERVICE + 'url = "ws://x"\n', False),
        ('[services.x]\ntype = "external"\nurl = "ws://x"\n', True),
        ('[services.X]\ntype = "node"\n', False),
        ("[services.x]\nport = 1\n", False),
        (SERVICE + '[[links]]\nfrom = "web:A"\nto = "web"\nscheme = ["ws", "wss"]\n', True),
        (SERVICE + '[[links]]\nfrom = "web:A"\n', False),
        (SERVICE + '[shared.a]\nmembers = ["web:A|B", "=x", "file:a.yaml#b"]\n', True),
        (SERVICE + "[shared.a]\nmembers = []\n", False),
        (SERVICE + '[doctor]\nignore = [{ rule = "x", reason = "y" }]\n', True),
        (SERVICE + '[doctor]\nignore = [{ rule = "x" }]\n', False),
    ],
)
def test_editors_and_the_loader_agree(tree: Tree, body: str, is_right: bool) -> None:
    _, problems = load_tolerant(tree({"stack.toml": body}) / "stack.toml")

    assert VALIDATOR.is_valid(tomllib.loads(body)) is is_right
    assert (not problems) is is_right


def described(schema: Mapping[str, Any]) -> list[str]:
    tables = [schema, *schema["$defs"].values()]
    return [
        key
        for table in tables
        for key, value in table.get("properties", {}).items()
        if not value.get("description")
    ]


def test_every_key_has_a_description() -> None:
    assert described(json_schema()) == []


def test_the_command_prints_it(devstack: Callable[..., Any], tmp_path: Path) -> None:
    done = devstack("schema", cwd=tmp_path)

    assert (done.code, json.loads(done.out)) == (0, json_schema())
