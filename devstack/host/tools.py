"""Which programs are installed, and which versions they say they have."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_VERSION = re.compile(r"\d+(?:\.\d+){0,3}")
_TIMEOUT = 5.0  # seconds for `node --version`


def which(program: str, search_path: str | None, folder: Path) -> Path | None:
    """The file that starting `program` in `folder` with PATH `search_path` would run, or None."""
    if "/" in program:
        found = folder / program
        return found if found.is_file() and shutil.which(str(found)) else None
    name = shutil.which(program, path=search_path)
    return None if name is None else Path(name)


def version(program: Path, environment: Mapping[str, str]) -> tuple[int, ...] | None:
    """What `program --version` says, `(20, 20, 2)`; None when it says nothing understandable."""
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
