"""Which programs are installed, and which versions they say they have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from devstack.patterns import regex

_VERSION = regex(r"\d+(?:\.\d+){0,3}")
_TIMEOUT = 5.0  # seconds for `node --version`


def which(program: str, search_path: str | None, folder: Path) -> Path | None:
    """The file that starting `program` in `folder` with PATH `search_path` would run, or None."""
    if os.name == "nt":
        import shutil

        name = shutil.which(str(folder / program) if "/" in program else program, path=search_path)
        return None if name is None else Path(name)
    if "/" in program:
        return _executable(folder / program)
    places = (os.defpath if search_path is None else search_path).split(os.pathsep)
    return next((found for place in places if (found := _executable(Path(place) / program))), None)


def _executable(path: Path) -> Path | None:
    return path if os.access(path, os.X_OK) and path.is_file() else None


def version(program: Path, environment: Mapping[str, str]) -> tuple[int, ...] | None:
    """What `program --version` says, `(20, 20, 2)`; None when it says nothing understandable."""
    import subprocess

    try:
        done = subprocess.run(
            [str(program), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            env=dict(environment),
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout or done.stderr)
    return None if found is None else tuple(int(part) for part in found.group().split("."))
