"""Pipes and devices in a repository: never waited for, never guessed about."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack import regular
from devstack.commands.doctor import diagnose
from devstack.rules.inspection import Inspection

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs are of POSIX systems")
STACK = """\
name = "pipes"
[services.web]
type = "vite"
dir = "web"
port = 5173
[services.ws]
type = "python"
dir = "ws"
command = "python3 main.py"
"""


def test_an_env_file_that_is_a_pipe_is_told_and_nothing_is_said_about_its_variables(
    inspected: Callable[..., Inspection],
) -> None:
    look = inspected({"stack.toml": STACK, "ws/main.py": "import os\nos.environ['API_TOKEN']\n", "web/x": ""})
    os.mkfifo(look.root / "ws" / ".env")
    found = [one for one in diagnose(look).findings if one.service == "ws"]
    assert [(one.rule, one.severity.value) for one in found] == [("loader-crash", "info")]


@pytest.mark.timeout(60)
def test_pipes_with_the_names_of_other_files_are_left_alone(inspected: Callable[..., Inspection]) -> None:
    look = inspected({"stack.toml": STACK, "ws/main.py": "print(1)\n", "web/x": ""})
    for name in (
        "package.json",
        "vite.config.ts",
        "pnpm-lock.yaml",
        ".nvmrc",
        "main.ts",
        "run.sh",
        ".gitignore",
    ):
        os.mkfifo(look.root / "web" / name)
    assert not [skip for skip in diagnose(look).skipped if "internal failure" in skip.reason]


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "zero").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    assert regular.read(tmp_path / "link") == b"text"
    for name in ("zero", "pipe", ".", "none"):
        with pytest.raises(OSError, match=r"regular|such file|directory"):
            regular.read(tmp_path / name)
