"""The guard: stops what a run started when devstack itself is gone (`kill -9`).

Run as `python -I -S guard_main.py RUN` with a pipe as standard input. Each line on the pipe is `pid start`
of a service's leader. The word `done` ends the guard quietly; end-of-file without it means that devstack
died. It imports only what the interpreter has loaded anyway, so that it starts in a few milliseconds.
"""
# No pathlib and no contextlib here: importing them costs more than all the guard does.
# ruff: noqa: PTH112, PTH123, PTH208, SIM105

from __future__ import annotations

import os
import sys
import time

TERM, KILL = 15, 9
GRACE = 0.5
"""Seconds between TERM and KILL: everything is to be gone within one second."""
GIVE_UP_AFTER = 10.0


def main(run: str) -> None:
    """Wait for the end of devstack, then stop the run's processes."""
    leaders: dict[int, str] = {}
    rest = b""
    while True:
        try:
            data = os.read(0, 65536)
        except OSError:
            data = b""
        if not data:
            break
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line == b"done":
                return
            pid, _, start = line.partition(b" ")
            leaders[int(pid)] = start.decode()
    stop(run, leaders)


def stop(run: str, leaders: dict[int, str]) -> None:
    """TERM, then KILL until nothing is found any more."""
    began = time.monotonic()
    told: set[int] = set()
    while True:
        found = members(run, leaders)
        if not found:
            return
        waited = time.monotonic() - began
        if waited > GIVE_UP_AFTER:
            return
        for pid in found:
            if waited >= GRACE:
                send(pid, KILL)
            elif pid not in told:
                told.add(pid)
                send(pid, TERM)
        time.sleep(0.02)


def members(run: str, leaders: dict[int, str]) -> list[int]:
    """Living processes with the run's tag, or in a group or session of a leader that is the one we know."""
    if not os.path.isdir("/proc/self"):
        return [-pid for pid in leaders if group_lives(pid)]
    tag = b"\0DEVSTACK_RUN=" + run.encode() + b"\0"
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        stat = read(f"/proc/{name}/stat").rpartition(b")")[2].split()
        if len(stat) < 20 or stat[0] in (b"Z", b"X"):
            continue
        if is_led(stat, leaders) or tag in b"\0" + read(f"/proc/{name}/environ") + b"\0":
            found.append(int(name))
    return found


def is_led(stat: list[bytes], leaders: dict[int, str]) -> bool:
    """Whether its group or session is a leader's, and it is not older than it (a recycled number)."""
    for number in (int(stat[2]), int(stat[3])):
        if number in leaders and int(stat[19]) >= int(leaders[number] or 0):
            return True
    return False


def group_lives(pid: int) -> bool:
    """Whether any process of this group is left."""
    try:
        os.killpg(pid, 0)
    except OSError:
        return False
    return True


def send(pid: int, number: int) -> None:
    """Signal a process, or with a negative number a group; gone already is fine."""
    try:
        os.kill(pid, number)
    except OSError:
        pass


def read(path: str) -> bytes:
    """A file's content, empty when it cannot be read."""
    try:
        with open(path, "rb") as source:
            return source.read()
    except OSError:
        return b""


if __name__ == "__main__":
    main(sys.argv[1])
