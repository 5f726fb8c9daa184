"""Generated env files through the real programs and our loaders; hypothesis shrinks what differs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import NODE_MODULES
from tests.env.loaders import grammar
from tests.env.loaders.programs import PROGRAMS, Driver, difference, disagreement, ours

_NOT_INSTALLED = ("python-dotenv-1.1", "bun", "uv")
_PYTHON = [name for name, program in PROGRAMS.items() if program.python and name not in _NOT_INSTALLED]
_NODE = ["next14", "next16", "vite5", "vite6", "vite7", "vite8", "dotenv16", "dotenv18"]
_NODE += ["dotenv-expand11", "dotenv-expand12", "dotenv-expand13", "node"]

_small = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def python_driver() -> Iterator[Driver]:
    with Driver(python=True) as driver:
        yield driver


@pytest.fixture(scope="module")
def node_driver() -> Iterator[Driver]:
    if not (NODE_MODULES / "vite").is_dir():
        pytest.skip("npm packages are not installed in tests/node")
    with Driver(python=False) as driver:
        yield driver


@pytest.fixture(scope="module")
def node_release() -> str:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return said.strip().lstrip("v")


@pytest.mark.parametrize("name", _PYTHON)
@_small
@given(random=st.randoms(use_true_random=False))
def test_generated_files_are_read_as_the_python_programs_read_them(
    name: str, random: Random, python_driver: Driver
) -> None:
    _agree(name, PROGRAMS[name].pin, random, python_driver)


@pytest.mark.node
@pytest.mark.parametrize("name", _NODE)
@_small
@given(random=st.randoms(use_true_random=False))
def test_generated_files_are_read_as_the_node_programs_read_them(
    name: str, random: Random, node_driver: Driver, node_release: str
) -> None:
    pin = PROGRAMS[name].pin
    if pin in ("vite@8", "node"):
        pin = f"{pin}@{node_release}" if pin == "node" else f"{pin}+node@{node_release}"
    _agree(name, pin, random, node_driver)


def _agree(name: str, pin: str, random: Random, driver: Driver) -> None:
    program = replace(PROGRAMS[name], pin=pin)
    case = program.case(random)
    made = ours(pin, case)
    # What never ends, or overflows a stack, costs the real program seconds; the big run asks for some of them.
    if any(issue.kind in ("hang", "file-dropped") and issue.fatal for issue in made.issues):
        return
    assert disagreement(driver, program, case) is None


@pytest.mark.node
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("next16", "A=$A\nB=2\n"),
        ("next14", "C=\na=$$$T}a\n"),
        ("next16", " A-B =é$\nA_B=$A.B${A-d}$A\nA=$}$AB\n"),
        ("next16", "P=x$&y\nA=${P}\n"),
        ("vite5", "A=$B\nB=$A\n"),
        ("vite8", "P=x$&y\nA=${P}\n"),
        ("dotenv-expand13", "P=x$&y\nA=${P}\n"),
    ],
)
def test_what_the_program_does_not_survive_is_said(name: str, text: str, node_driver: Driver) -> None:
    case = grammar.Case(files={".env": text})
    made = ours(PROGRAMS[name].pin, case)
    assert any(issue.fatal for issue in made.issues)
    assert difference(PROGRAMS[name], case, node_driver.ask(PROGRAMS[name].asked, case), made) is None
