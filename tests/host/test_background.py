"""A run in the background and who started it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork")

# Its starter is signalled at the first moment after the fork, before another line of it is done.
PROGRAM = """
import os, signal, sys, time
from devstack.host.background import run_in_background

fork, came = os.fork, []

def signalled():
    child = fork()
    if child:
        os.kill(os.getpid(), signal.SIG{name})
    else:
        signal.signal(signal.SIG{name}, lambda *_: came.append("told"))
    return child

def work(announcer):
    until = time.monotonic() + 60
    while not came and time.monotonic() < until:
        time.sleep(0.01)
    print(*came)
    return 7

os.fork = signalled
sys.exit(run_in_background(work, went_well=lambda: None))
"""


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_who_ends_the_starter_at_any_moment_ends_the_run(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "told\n", "")
