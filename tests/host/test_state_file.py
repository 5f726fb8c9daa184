"""The lock that says that a run lives: who gets it, and what a mere look at it may not do."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from devstack.host.private_folder import PrivateFolder
from devstack.host.run_lock import LOCK, Lock, running_pid

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


def test_whoever_only_looks_does_not_keep_a_run_from_starting(folder: PrivateFolder) -> None:
    import fcntl

    looking = folder.open_lock(LOCK)
    fcntl.flock(looking, fcntl.LOCK_EX)
    ending = threading.Timer(0.02, os.close, [looking])
    ending.start()
    lock = Lock(folder)
    assert lock.acquire() is None
    lock.release()
    ending.join()


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
