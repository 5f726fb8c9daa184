"""How failures look: one message, one hint, the exit code of the table, valid JSON where it was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, clean_environment

TEN_MISTAKES = """\
name = "x"
colour = "red"
[services.Web]
type = "nxt"
port = 99999
depend_on = ["ws"]
[services.ws]
type = "python"
port = "3001"
depends_on = ["wss"]
[shared.jwt]
members = ["ws:JWT", "JWT_SECRET"]
[[links]]
from = "ws:URL"
to = "nowhere"
[doctor]
ignore = [{ rule = "x" }]
"""


def test_ten_mistakes_are_ten_errors_with_their_lines(
    tree: Callable[..., Path], devstack: Callable[..., Any]
) -> None:
    told = devstack("up", cwd=tree({"stack.toml": TEN_MISTAKES}))
    assert told.code == 2
    lines = [line for line in told.err.splitlines() if line.startswith("  stack.toml:")]
    assert len(lines) >= 10
    places = {int(line.split(":")[1]) for line in lines}
    assert {2, 3, 4, 5, 6, 9, 10, 12, 15, 17} <= places
    assert "Traceback" not in told.err


def test_programs_get_every_mistake_as_data(tree: Callable[..., Path], devstack: Callable[..., Any]) -> None:
    told = devstack("up", "--json", cwd=tree({"stack.toml": TEN_MISTAKES}))
    error = json.loads(told.out)["error"]
    assert (told.code, error["code"], error["kind"]) == (2, 2, "stack-file")
    assert len(error["problems"]) >= 10
    assert all(problem["line"] for problem in error["problems"])


@pytest.mark.parametrize(
    "files", [{}, {"stack.toml": ""}, {"stack.toml": b"\x00\xff\xfe\x01"}, {"stack.toml/inside": ""}]
)
@pytest.mark.parametrize("command", ["up", "graph", "env", "ports"])
def test_an_unusable_file_is_one_clear_error(
    tree: Callable[..., Path], devstack: Callable[..., Any], files: dict[str, str | bytes], command: str
) -> None:
    told = devstack(command, cwd=tree(files))
    assert told.code == 2
    assert told.err.count("error:") == 1
    assert "stack.toml" in told.err
    assert "Traceback" not in told.err


def test_a_near_name_of_a_command_is_suggested(
    tree: Callable[..., Path], devstack: Callable[..., Any]
) -> None:
    told = devstack("docter", cwd=tree({}))
    assert told.code == 2
    assert "`doctor`" in told.err


def test_what_can_be_chosen_is_told_on_one_line(devstack: Callable[..., Any], tmp_path: Path) -> None:
    told = devstack("completion", cwd=tmp_path)
    assert told.code == 2
    assert "Choose from: bash, zsh, fish" in told.err


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that somebody works in")
@pytest.mark.parametrize("command", ["up", "doctor", "init"])
def test_a_folder_that_was_removed_meanwhile_is_named(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    told = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", sys.executable, "-P", "-m", "devstack", command],
        cwd=folder,
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode == 6
    assert "the current folder does not exist any more" in told.stderr
    assert "hint: " in told.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_with_what_helps(tree: Callable[..., Path]) -> None:
    folder = tree({"stack.toml": '[services.a]\ntype = "command"\ncommand = "true"\n'})
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, "-m", "devstack", "graph"],
            cwd=folder,
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert told.returncode == 6
    assert told.stderr == "error: No space left on device\nhint: make room on that disk\n"


@pytest.mark.skipif(os.name == "nt", reason="a shell closes the stream")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_closed_before_the_start_is_no_mistake(
    tree: Callable[..., Path], closed: str
) -> None:
    folder = tree({"stack.toml": '[services.a]\ntype = "command"\ncommand = "true"\n'})
    told = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "devstack", "graph"],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert ("start order" in told.stdout) is (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.parametrize("argv", [(), ("token",)])
def test_without_a_command_the_help_is_the_answer(
    devstack: Callable[..., Any], tmp_path: Path, argv: tuple[str, ...]
) -> None:
    told = devstack(*argv, cwd=tmp_path)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("Usage: devstack")


def test_a_token_is_decoded_also_where_no_stack_is(devstack: Callable[..., Any], tmp_path: Path) -> None:
    told = devstack("token", "check", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", cwd=tmp_path)
    assert told.code == 1
    assert "HS256" in told.out
    assert "no stack.toml" in told.out


def test_every_command_has_help_with_an_example(devstack: Callable[..., Any], tmp_path: Path) -> None:
    from devstack.cli.app import COMMANDS

    for name in COMMANDS:
        told = devstack(name, "--help", cwd=tmp_path)
        assert told.code == 0, told.err
        assert f"devstack {name}" in told.out.split("Options", 1)[-1] or "Example" in told.out
        assert max(map(len, told.out.splitlines())) <= 80, name


def test_every_error_for_programs_has_the_four_keys(devstack: Callable[..., Any], tmp_path: Path) -> None:
    for words in (("up", "--json", "--nosuch"), ("nosuch", "--json"), ("up", "--json")):
        error = json.loads(devstack(*words, cwd=tmp_path).out)["error"]
        assert set(error) == {"code", "kind", "message", "hint"}, words
        assert error["code"] == 2
