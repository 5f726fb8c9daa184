"""The crash file: what failed and where, without any value."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from devstack import __version__


def write_crash_file(problem: BaseException, argv: Sequence[str]) -> Path | None:
    """Write type and frames of `problem`: no message, no locals, no values. None where no file can be had."""
    frames = traceback.extract_tb(problem.__traceback__)
    lines = [f"devstack {__version__}", f"command: {argv[0] if argv else '-'}", type(problem).__name__]
    lines += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    try:
        handle, name = tempfile.mkstemp(prefix="devstack-crash-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
    except OSError:
        return None
    return Path(name)
