"""Runs env files through the installed python-dotenv, honcho and dash: the protocol of the node driver."""

from __future__ import annotations

import base64
import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_SHELL = shutil.which("dash") or "/bin/sh"
_ENV = shutil.which("env") or "/usr/bin/env"
_OF_THE_SHELL = ("PATH", "PWD", "OLDPWD")


def answer(program: str, folder: Path, names: list[str]) -> dict[str, object]:
    """What the program makes of the files, with `os.environ` as given."""
    if program == "shell":
        return _sourced(folder, names)
    path = folder / ".env"
    if program == "honcho":
        from honcho.environ import parse

        with path.open(encoding="utf-8") as file:
            return dict(parse(file.read()))
    from dotenv import dotenv_values, load_dotenv

    if program == "dotenv_values":
        return dict(dotenv_values(path, encoding="utf-8"))
    load_dotenv(path)
    return dict(os.environ)


def _sourced(folder: Path, names: list[str]) -> dict[str, object]:
    """What a shell exports behind the files; it finds no programs. Raises ValueError where it stops."""
    script = "".join(f". {shlex.quote('./' + name)}\n" for name in names)
    argv = [_SHELL, "-c", f"set -a\n{script}exec {shlex.quote(_ENV)} -0"]
    given = {**os.environ, "PATH": "/nonexistent"}
    done = subprocess.run(
        argv, cwd=folder, env=given, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise ValueError(done.returncode)
    pairs = (one.partition("=") for one in done.stdout.decode().split("\0")[:-1])
    return {name: text for name, _, text in pairs if name not in _OF_THE_SHELL}


def main() -> None:
    """One JSON case per line in, one JSON answer per line out."""
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            given = json.loads(line)
            for name, content in given["files"].items():
                Path(folder, name).write_bytes(base64.b64decode(content))
            os.environ.clear()
            os.environ.update(given["process"])
            try:
                said: dict[str, object] = {
                    "values": answer(given["program"], Path(folder), list(given["files"]))
                }
            except ValueError as problem:
                said = {"error": type(problem).__name__}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
