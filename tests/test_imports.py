"""What a command imports decides how soon it answers. No clock here: only what is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = frozenset(
    {"pydantic", "pydantic_core", "pydantic_settings", "rich", "jwt", "watchfiles", "starlette", "uvicorn"}
    | {
        "tree_sitter",
        "websockets",
        "yaml",
        "psutil",
        "honcho",
        "pathspec",
        "tomlkit",
        "dotenv",
        "cryptography",
    }
)
STACK = """\
[services.a]
type = "command"
command = "true # the first service"
oneshot = true
[services.b]
type = "command"
command = "true"
port = {port}
oneshot = true
"""
# Writes down what is loaded at the end, and what was when the first service was started.
PROGRAM = """\
import json, pathlib, sys
from devstack.cli import main

def loaded(name):
    tops = {one.partition(".")[0] for one in sys.modules}
    pathlib.Path(name).write_text(json.dumps(sorted(tops)))

def note(event, details):
    if event == "subprocess.Popen" and "the first service" in str(details[1]):
        loaded("at-the-start.json")

sys.addaudithook(note)
try:
    main(sys.argv[1:])
finally:
    loaded("at-the-end.json")
"""


@pytest.fixture
def loaded(tmp_path: Path, free_port: Callable[[], int]) -> Callable[..., set[str]]:
    """The heavy packages (and click) that a command loads: until it ends, or until the first service starts."""
    (tmp_path / "stack.toml").write_text(STACK.format(port=free_port()))

    def run(*argv: str, until: str = "at-the-end") -> set[str]:
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *argv],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
        return (HEAVY | {"click"}) & set(json.loads((tmp_path / f"{until}.json").read_text()))

    return run


@pytest.mark.parametrize(
    "argv",
    [
        ("--help",),
        ("ps",),
        ("ports",),
        ("env", "a"),
        ("doctor", "--strict"),
        ("doctor", "--help"),
        ("graph",),
    ],
    ids=" ".join,
)
def test_a_command_loads_nothing_heavy_for_a_small_stack(
    argv: tuple[str, ...], loaded: Callable[..., set[str]]
) -> None:
    assert loaded(*argv) == {"click"}


@pytest.mark.parametrize("argv", [("up", "b"), ("doctor",), ("doctor", "--json", "web/.env")], ids=" ".join)
def test_a_plain_command_line_loads_nothing_to_parse_it(
    argv: tuple[str, ...], loaded: Callable[..., set[str]]
) -> None:
    assert loaded(*argv) == set()


def test_up_loads_nothing_heavy_before_the_first_service_runs(loaded: Callable[..., set[str]]) -> None:
    assert loaded("up", "--exit-when-done", until="at-the-start") == {"click"}


@pytest.mark.parametrize("name", ["asyncio", "ssl", "tempfile", "typing_extensions", "devstack.rules"])
def test_help_loads_no_part_of_a_run(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "devstack", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert name not in {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_the_rules_are_loaded_beside_the_run_and_not_into_it(tmp_path: Path) -> None:
    """Their memory is gone before the first service starts; an idle run does not keep it."""
    (tmp_path / "stack.toml").write_text(STACK.format(port=1).replace("port = 1\n", ""))
    program = PROGRAM.replace('one.partition(".")[0] for one in', "one for one in")
    subprocess.run(
        [sys.executable, "-c", program, "up", "--exit-when-done"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads((tmp_path / "at-the-start.json").read_text())
    assert not [name for name in found if name.startswith("devstack.rules.")]
    assert "devstack.env.source.scan" not in found


def test_the_first_service_of_a_plain_stack_waits_for_little(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK.format(port=1).replace("port = 1\n", ""))
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "up"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    found = set(json.loads((tmp_path / "at-the-start.json").read_text()))
    assert not {"asyncio", "logging", "shlex", "tempfile"} & found
