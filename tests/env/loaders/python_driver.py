"""Runs env files through the installed python-dotenv, honcho, dash, Bun and uv: the protocol of the node driver."""

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
_PROGRAMS = {name: shutil.which(name) for name in ("bun", "uv")}
_HOME = os.environ.get("HOME", "/")
_PRINTS = "process.stdout.write(JSON.stringify({ ...process.env }))"


def answer(program: str, folder: Path, names: list[str]) -> dict[str, object]:
    """What the program makes of the files, with `os.environ` as given."""
    if program == "shell":
        return _sourced(folder, names)
    if program in _PROGRAMS:
        return _started(program, folder, names)
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


def _started(program: str, folder: Path, names: list[str]) -> dict[str, object]:
    """The environment of what the program starts. Raises ValueError where it starts nothing."""
    path = _PROGRAMS[program]
    if path is None:
        raise SystemExit(f"{program} is not installed")
    if program == "bun":
        argv, added = [path, "-e", _PRINTS], {}
    else:
        flags = [word for name in names for word in ("--env-file", name)]
        argv = [path, "run", "--no-project", "--no-config", "--offline", "--python", sys.executable, *flags]
        argv += [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
        added = {"PATH": "/usr/bin:/bin", "HOME": _HOME}
    given = {**added, **os.environ}
    done = subprocess.run(argv, cwd=folder, env=given, capture_output=True, check=False)
    if done.returncode:
        raise ValueError(done.returncode)
    found: dict[str, object] = json.loads(done.stdout)
    own = {*added, "UV", "UV_RUN_RECURSION_DEPTH", "VIRTUAL_ENV", "LC_CTYPE"}
    return {name: text for name, text in found.items() if name not in own or name in os.environ}


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
            for name in given["files"]:
                Path(folder, name).unlink()
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
