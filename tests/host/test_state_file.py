"""The lock that says that a run lives: who gets it, and what a mere look at it may not do."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from devstack.commands import down
from devstack.host.private_folder import PrivateFolder
from devstack.host.run_lock import LOCK, Lock, running_pid
from tests.e2e.programs import eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="flock")


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    made = PrivateFolder(tmp_path / ".devstack")
    made.create()
    return made


def test_the_second_run_learns_the_pid_of_the_first(folder: PrivateFolder) -> None:
    first, second = Lock(folder), Lock(folder)
    assert first.acquire() is None
    assert second.acquire() == os.getpid()
    first.release()
    assert second.acquire() is None
    second.release()


def test_a_look_leaves_no_trace(folder: PrivateFolder) -> None:
    (folder.path / LOCK).write_text("17")
    assert running_pid(folder) is None
    assert (folder.path / LOCK).read_text() == "17"


@pytest.mark.parametrize(("signed", "pauses"), [("", 100), ("0", 1), (str(2**22 + 1), 100), ("our own", 5)])
def test_whoever_only_looks_does_not_keep_a_run_from_starting(
    folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch, signed: str, pauses: int
) -> None:
    """However long the look takes, as long as nobody lives who signed the lock."""
    (folder.path / LOCK).write_text(str(os.getpid()) if signed == "our own" else signed)
    looking, slept = folder.open_lock(LOCK), list[float]()
    fcntl.flock(looking, fcntl.LOCK_EX)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == pauses:
            os.close(looking)

    monkeypatch.setattr(time, "sleep", sleep)
    lock = Lock(folder)
    assert lock.acquire() is None
    lock.release()


def test_of_two_who_look_neither_takes_the_other_for_a_run(folder: PrivateFolder) -> None:
    (folder.path / LOCK).write_text("17")
    looking = folder.open_lock(LOCK)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert running_pid(folder) is None
    os.close(looking)


# Takes the lock, says so, and signs it only when it is told to.
UNSIGNED = """
import fcntl, os, sys
lock = open("lock", "r+")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.readline()
lock.write(str(os.getpid())); lock.flush()
sys.stdin.read()
"""


def test_a_run_that_has_not_signed_its_lock_yet_is_waited_for(
    folder: PrivateFolder, spawned: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.path / LOCK).write_text("")
    command = [sys.executable, "-c", UNSIGNED]
    run = subprocess.Popen(command, cwd=folder.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    spawned.append(run)
    assert run.stdin
    assert run.stdout
    assert run.stdout.readline() == b"locked\n"

    def sign(seconds: float) -> None:
        run.stdin.write(b"now\n")
        run.stdin.flush()
        assert eventually(lambda: running_pid(folder))

    monkeypatch.setattr(down, "time", SimpleNamespace(sleep=sign, monotonic=time.monotonic))
    assert down._signal(folder, "TERM")
    assert run.wait() == -signal.SIGTERM


def test_a_run_that_ended_meanwhile_needs_no_signal(folder: PrivateFolder) -> None:
    assert down._signal(folder, "TERM")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_run_is_there_without_a_pid(folder: PrivateFolder) -> None:
    lock = Lock(folder)
    assert lock.acquire() is None
    os.seteuid(65534)
    try:
        assert running_pid(folder) == 0
    finally:
        os.seteuid(0)
        lock.release()
