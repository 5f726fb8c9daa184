"""What is plainly right is judged as pydantic's engine judges it, and is the same data afterwards."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.stack import plain
from devstack.stack.schema import StackTable
from devstack.stack.validation import _by_the_engine

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([ROOT / "stack.toml", *(ROOT / "templates").glob("*/stack.toml")])
SERVICE: dict[str, Any] = {
    "type": "node",
    "port": 3000,
    "ports": {"ws": 4000},
    "depends_on": {"other": "started"},
    "restart": {"policy": "on-failure", "backoff": "1s..5s"},
    "env": {"set": {"A": "b"}, "layers": [{"loader": "vite"}]},
    "ready": {"http": "/", "status": [200], "within": "5s", "json": {"a": [1, None]}},
    "websocket": {"expect": {"close": [1008]}, "token": {"secret": "jwt", "in": "query"}},
    "oneshot": True,
}
SCALARS = [0, 1, 200, 70000, True, 1.5, "", "a", "A", "node", "always", "5s", "/x", "open"]
TABLES: list[Any] = [{}, {"a": 1}, {"secret": "x"}, {"close": []}, {"max": 3}, {"a": "ready"}, {"unknown": 1}]
VALUES = st.sampled_from([*SCALARS, *TABLES, [], ["a"], [1]])


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return found + [place for key, value in items for place in places(value, (*path, key))]


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_real_file_is_plain(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    assert plain.checked(StackTable, data) == _by_the_engine(StackTable, data)[0]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_is_taken_over_is_what_the_engine_would_give(data: st.DataObject) -> None:
    table = {"services": {"one": SERVICE, "other": {"type": "next"}}}
    place = data.draw(st.sampled_from(places(table)))
    table = changed(table, place, data.draw(VALUES))
    try:
        taken = plain.checked(StackTable, table)
    except plain.NotPlainError:
        assert _by_the_engine(StackTable, table)[1], "the engine finds no mistake"
    else:
        assert _by_the_engine(StackTable, table) == (taken, [])
        assert repr(taken) == repr(_by_the_engine(StackTable, table)[0])


def test_a_file_without_mistakes_does_not_import_the_engine(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text('[services.a]\ntype = "command"\ncommand = "true"\n')
    program = (
        "import sys, pathlib; from devstack.stack.load import load; load(pathlib.Path('stack.toml'));"
        "print(sorted({'pydantic', 'pydantic_core'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
