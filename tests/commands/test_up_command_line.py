"""`up` without options is not parsed: it must mean the same as with one that says nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import clean_environment

STACK = """\
[services.a]
type = "command"
command = "touch a"
oneshot = true
[services.b]
type = "command"
command = "touch b"
oneshot = true
setup = { command = "touch made", creates = ["made"] }
"""


@pytest.mark.parametrize("extra", [(), ("--without=b",)], ids=["plain", "parsed"])
def test_a_service_is_named_and_only_it_starts(
    tree: Callable[..., Path], devstack: Callable[..., Any], extra: tuple[str, ...]
) -> None:
    folder = tree({"stack.toml": STACK})
    assert devstack("up", "a", *extra, cwd=folder).code == 0
    assert ((folder / "a").exists(), (folder / "b").exists()) == (True, False)


@pytest.mark.parametrize("extra", [(), ("--no-doctor",)], ids=["plain", "parsed"])
def test_an_unknown_service_is_told_with_the_nearest_name(
    tree: Callable[..., Path], devstack: Callable[..., Any], extra: tuple[str, ...]
) -> None:
    told = devstack("up", "bb", *extra, cwd=tree({"stack.toml": STACK}))
    assert told.code == 2
    assert "bb" in told.err and "`b`" in told.err


@pytest.mark.parametrize("extra", [(), ("--no-doctor",)], ids=["plain", "parsed"])
@pytest.mark.parametrize(
    ("answer", "code"), [(b"y\n", 0), (b"n\n", 5), (b"\x03", 130), (b"\x04", 130)], ids=["y", "n", "^C", "^D"]
)
def test_a_question_is_answered_at_the_terminal(
    tree: Callable[..., Path], extra: tuple[str, ...], answer: bytes, code: int
) -> None:
    folder = tree({"stack.toml": STACK})
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "devstack", "up", "b", *extra],
        cwd=folder,
        env=clean_environment(),
        stdin=follower,
        stdout=subprocess.DEVNULL,
        stderr=follower,
        start_new_session=True,
        preexec_fn=lambda: os.close(
            os.open(os.ttyname(0), os.O_RDWR)
        ),  # it becomes the terminal of the session
    )
    os.close(follower)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(leader, 4096)
    while process.poll() is None:  # a Ctrl-C just before Python's read is heard with the next one only
        with suppress(OSError, subprocess.TimeoutExpired):
            os.write(leader, answer)
            process.wait(2)
    assert process.returncode == code
    os.close(leader)
    assert (folder / "b").exists() == (code == 0)
