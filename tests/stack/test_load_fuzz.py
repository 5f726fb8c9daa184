"""Whatever the file says: a stack or problems with lines, never an exception."""

from __future__ import annotations

import copy
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.env.secrets import is_masked
from devstack.errors import Problem
from devstack.stack import defaults, drawing, export, graph
from devstack.stack.jsonschema import json_schema
from devstack.stack.launch import launch
from devstack.stack.load import load_text, load_tolerant
from devstack.stack.model import Stack
from devstack.stack.procfile import Procfile

ROOT = Path(__file__).resolve().parents[2]
BASE: dict[str, Any] = tomllib.loads((ROOT / "templates/vite-python-agent/stack.toml").read_text())
WORDS = [
    *(
        "web",
        "server",
        "agent",
        "nowhere",
        "ready",
        "5s",
        "5",
        "",
        "web:A|B",
        "/ws",
        "ws",
        "jwt",
        "A",
        "*",
        "PORT=1 x",
    ),
    *json_schema()["$defs"]["service"]["properties"],
]
SCALARS = st.one_of(
    st.sampled_from(WORDS),
    st.integers(-1, 70000),
    st.booleans(),
    st.floats(allow_nan=False),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([word for word in WORDS if word]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key and item of `data`, and one new key in each table."""
    if isinstance(data, dict):
        inner = [place for key, value in data.items() for place in places(value, (*path, key))]
        return [path, (*path, None), *inner]
    if isinstance(data, list):
        return [
            path,
            *(place for number, value in enumerate(data) for place in places(value, (*path, number))),
        ]
    return [path]


@st.composite
def files(draw: st.DrawFn) -> str:
    data = copy.deepcopy(BASE)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(places(data)))
        if not place:
            continue
        holder: Any = data
        for part in place[:-1]:
            holder = holder[part]
        key = draw(st.sampled_from([word for word in WORDS if word])) if place[-1] is None else place[-1]
        if draw(st.booleans()):
            holder[key] = draw(VALUES)
        elif place[-1] is not None:
            del holder[key]
    return tomlkit.dumps(data)


def use(stack: Stack) -> None:
    """What every command does with a stack: none of it may fail."""
    graph.order(stack)
    drawing.text(stack)
    for service in stack.services.values():
        launch(stack, service)
        defaults.ready(service)
    for write in export.FORMATS.values():
        write(stack, is_masked)


def check(text: str, stack: Stack | None, problems: tuple[Problem, ...]) -> None:
    assert stack is not None or problems
    assert all(one.line is None or 1 <= one.line <= text.count("\n") + 1 for one in problems)
    assert len({(one.key, one.message) for one in problems}) == len(problems)


@settings(max_examples=60, deadline=None)
@given(files())
def test_a_mutated_file_gives_a_usable_stack_or_problems(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack, problems = load_text(Path(folder) / "stack.toml", text, Procfile())

        check(text, stack, problems)
        if stack is not None:
            use(stack)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_stack_or_problems(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.toml"
        path.write_bytes(content)

        stack, problems = load_tolerant(path)

    assert stack is not None or len(problems) >= 1


@pytest.mark.parametrize("depth", [10, 200, 300, 400, 480, 600, 3000])
def test_deep_nesting_is_an_error_at_most(depth: int, tmp_path: Path) -> None:
    for opening, closing in (("[", "]"), ("{a=", "}")):
        text = f"[services.web]\ntype = 'next'\n[devstack]\nx = {opening * depth}1{closing * depth}\n"

        stack, problems = load_text(tmp_path / "stack.toml", text)

        check(text, stack, problems)
        assert problems
