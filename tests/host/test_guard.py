"""The guard and its twin: what they stop when devstack is gone, and who replaces them."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from devstack.host import process_facts
from devstack.host.guard import Guard
from tests.e2e.programs import command_line, eventually

PATH = os.environ["PATH"]


def test_the_guard_stops_what_is_tagged_when_its_starter_dies(
    tmp_path: Path, spawned: list[subprocess.Popen[bytes]]
) -> None:
    run = secrets.token_hex(8)
    victim = subprocess.Popen(["sleep", "1000"], env={"DEVSTACK_RUN": run, "PATH": PATH})
    other = subprocess.Popen(["sleep", "1000"], env={"DEVSTACK_RUN": "another", "PATH": PATH})
    spawned += [victim, other]
    guard = Guard(run)
    os.close(guard._pipe)
    assert victim.wait() == -15
    assert guard._process.wait() == 0
    assert other.poll() is None


def test_the_twin_of_a_guard_does_its_work_when_both_devstack_and_the_guard_are_killed(
    spawned: list[subprocess.Popen[bytes]],
) -> None:
    run = secrets.token_hex(8)
    victim = subprocess.Popen(["sleep", "1000"], env={"DEVSTACK_RUN": run, "PATH": PATH})
    spawned.append(victim)
    guard = Guard(run)
    twins = Path(f"/proc/{guard.pid}/task/{guard.pid}/children")
    assert eventually(lambda: twins.read_text().split())
    os.kill(guard.pid, 9)
    guard._process.wait()
    assert victim.poll() is None
    os.close(guard._pipe)
    assert victim.wait() == -15


def test_a_dismissed_guard_touches_nobody(spawned: list[subprocess.Popen[bytes]]) -> None:
    run = secrets.token_hex(8)
    neighbour = subprocess.Popen(["sleep", "1000"], env={"DEVSTACK_RUN": run, "PATH": PATH})
    spawned.append(neighbour)
    guard = Guard(run)
    guard.dismiss()
    assert guard._process.returncode == 0
    assert neighbour.poll() is None
    assert not [one for one in psutil.pids() if run.encode() in command_line(one)]


def test_the_guard_knows_leaders_that_hide_their_environment(
    spawned: list[subprocess.Popen[bytes]], free_port: Callable[[], int]
) -> None:
    hidden = subprocess.Popen(["sleep", "1000"], env={"PATH": PATH}, start_new_session=True)
    spawned.append(hidden)
    entry = process_facts.kin(hidden.pid)
    assert entry is not None
    guard = Guard(secrets.token_hex(8))
    guard.watch(entry.id)
    os.close(guard._pipe)
    assert eventually(lambda: hidden.poll() is not None)
    guard._process.wait()


def test_a_guard_that_was_killed_is_replaced_and_the_new_one_knows_the_leaders(
    spawned: list[subprocess.Popen[bytes]],
) -> None:
    hidden = subprocess.Popen(["sleep", "1000"], env={"PATH": PATH}, start_new_session=True)
    spawned.append(hidden)
    entry = process_facts.kin(hidden.pid)
    assert entry is not None
    guard = Guard(secrets.token_hex(8))
    guard.watch(entry.id)
    assert guard.replace_if_gone() is None
    first = guard.pid
    os.kill(first, 9)
    assert eventually(lambda: "another one" in (guard.replace_if_gone() or ""))
    assert guard.pid != first
    os.close(guard._pipe)
    assert eventually(lambda: hidden.poll() is not None)
    guard._process.wait()


def test_a_guard_that_is_killed_again_and_again_is_given_up_and_that_is_said() -> None:
    guard = Guard(secrets.token_hex(8))
    told: list[str] = []
    while not told or "again and again" not in told[-1]:
        os.kill(guard.pid, 9)
        guard._process.wait()
        told.append(guard.replace_if_gone() or "")
    assert len(told) == 6
    assert guard.replace_if_gone() is None
    guard.dismiss()
