"""Runs one command on our own terminal, in our own process group, and passes its exit code on."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class MissingProgram(Exception):  # noqa: N818 - an answer for people
    """The command could not be started; the text says why."""


def run_here(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """The command's exit code, 128 + number when a signal ended it.

    Ctrl-C reaches the command by the terminal; we wait for what it makes of it.
    """
    try:
        process = subprocess.Popen(command, cwd=folder, env=dict(environment))
    except FileNotFoundError:
        what = command[0] if folder.is_dir() else folder
        raise MissingProgram(f"{what} not found.") from None
    except OSError as problem:
        raise MissingProgram(f"{command[0]}: {problem.strerror}.") from None
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    forwarded = {
        number: signal.signal(number, lambda number, frame: process.send_signal(number))
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
    }
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        for number, handler in forwarded.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code
