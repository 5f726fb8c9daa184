"""make's `include` and loops of shells: what the real programs make of a file is what `given` says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from devstack.env.verbatim import Way, given, ways

FILE = 'A="q"\nB=x # c\nC=pa$word\nD=1\nE=a#b\nG=abc=\nH=abc==\nI=a\\\\b\nJ=$$x\n# K=1\n\n'
LOOPS = [
    "while IFS='=' read -r key value",
    "while IFS= read -r line",
    "while read -r line",
    "while read line",
]


def environment_of(command: list[str], folder: Path) -> dict[str, str]:
    done = subprocess.run(
        command, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    lines = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _, value in lines if name in "ABCDEGHIJ"}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_hands_on_what_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    (tmp_path / "Makefile").write_text("include .env\nexport\n\nall:\n\t@env\n")
    (way,) = ways((tmp_path / "Makefile").read_text(), is_makefile=True)
    assert (way.file, way.line, way.program) == (".env", 1, "make")
    assert environment_of(["make", "-s"], tmp_path) == given(FILE, way)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_hands_on_what_is_said(loop: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    exported = "$key=$value" if "key" in loop else "$line"
    body = f'case "{exported}" in "="|""|\\#*) continue ;; esac\n  export "{exported}"'
    script = f"{loop}; do\n  {body}\ndone < .env\nenv\n"
    (way,) = ways(script, is_makefile=False)
    assert (way.file, way.line, way.program) == (".env", 1, "a shell loop")
    assert environment_of(["sh", "-c", script], tmp_path) == given(FILE, way)


@pytest.mark.parametrize(
    ("text", "is_makefile"),
    [
        ("include .env\nall:\n\techo $(A)\n", True),
        ("include common.mk\nexport\n", True),
        ('while read -r line; do export "$(echo $line | tr -d \'\\"\')"; done < .env\n', False),
        ("while read -r line; do echo $line; done < .env\n", False),
        ('while IFS== read -r k v; do v="${v%\\"}"; export "$k=$v"; done < .env\n', False),
    ],
)
def test_nothing_is_said_of_what_no_program_gets_or_takes_quotes_off(text: str, is_makefile: bool) -> None:
    assert list(ways(text, is_makefile=is_makefile)) == []


def test_a_file_may_be_piped_into_the_loop() -> None:
    text = "#!/bin/sh\ngrep -v '^#' .env | while read -r line; do\n  export \"$line\"\ndone\n"
    assert list(ways(text, is_makefile=False)) == [Way(file=".env", line=2, read="read -r line")]
