"""The guard: stops what a run started when devstack itself is gone (`kill -9`).

Run as `python -I -S guard_main.py RUN PART` with a pipe as standard input; PART is what the marks of the run have in
common (`lineage`). Each line on the pipe is `pid start` of a service's leader. The word `done` ends the guard
quietly; end-of-file without it means that devstack died. A twin waits behind it, in case it is ended as well before
its work is done. It imports only what the interpreter has loaded anyway, so that it starts in a few milliseconds.
"""
# No pathlib and no contextlib here: importing them costs more than all the guard does.
# ruff: noqa: PTH112, PTH123, PTH208, SIM105

from __future__ import annotations

import os
import sys
import time

TERM, KILL = 15, 9
CONT = 19 if sys.platform == "darwin" else 18
GRACE = 0.5
"""Seconds between TERM and KILL: everything is to be gone within one second."""
GIVE_UP_AFTER = 10.0
START_BITS = 20
"""Of a mark: the number of the start; the rest names the run."""


def main(run: str, part: int) -> None:
    """Wait for the end of devstack, then stop the run's processes."""
    leaders: dict[int, str] = {}
    reading, writing = os.pipe()
    try:
        twin = os.fork()
    except OSError:
        twin = -1
    if twin == 0:
        os.close(writing)
        is_done = listen(reading, leaders) or listen(0, leaders)
    else:
        os.close(reading)
        is_done = listen(0, leaders, writing)
    if not is_done:
        stop(run, part, leaders)
    if twin > 0:
        tell(writing, b"done\n")
        os.waitpid(twin, 0)


def listen(handle: int, leaders: dict[int, str], twin: int | None = None) -> bool:
    """Learn leaders until `done` (True) or the end of file (False); the twin hears all that we hear."""
    rest = b""
    while True:
        try:
            data = os.read(handle, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line == b"done":
                return True
            pid, _, start = line.partition(b" ")
            leaders[int(pid)] = start.decode()
        if twin is not None:
            tell(twin, data)


def tell(handle: int, data: bytes) -> None:
    """Write to a pipe whose reader may be gone."""
    try:
        os.write(handle, data)
    except OSError:
        pass


def stop(run: str, part: int, leaders: dict[int, str]) -> None:
    """TERM, then KILL until nothing is found any more."""
    began = time.monotonic()
    told: set[tuple[int, int]] = set()
    quiet = 0
    while quiet < 2:  # what starts another process and ends at once can be missed by one look
        found = members(run, part, leaders)
        quiet = 0 if found else quiet + 1
        waited = time.monotonic() - began
        if waited > GIVE_UP_AFTER:
            return
        for one in found:
            if waited >= GRACE:
                send(*one, KILL)
            elif one not in told:
                told.add(one)
                send(*one, TERM)
                send(*one, CONT)  # a suspended process hears it then
        if found:
            time.sleep(0.02)


def members(run: str, part: int, leaders: dict[int, str]) -> list[tuple[int, int]]:
    """Living processes with the run's mark or tag, or led by a leader that is the one we know: pid and start.

    Where there is no /proc: the groups that still live, as negative numbers.
    """
    if not os.path.isdir("/proc/self"):
        return [(-pid, 0) for pid in leaders if group_lives(pid)]
    tag = b"\0DEVSTACK_RUN=" + run.encode() + b"\0"
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        pid = int(name)
        stat = stat_of(pid)
        if len(stat) < 20 or (stat[0] in (b"Z", b"X") and int(stat[17]) <= 1):  # 17: threads that still live
            continue
        if (
            is_led(stat, leaders)
            or tag in b"\0" + read(f"/proc/{name}/environ") + b"\0"
            or (mark_of(pid) or 0) >> START_BITS == part
        ):
            found.append((pid, int(stat[19])))
    return found


def stat_of(pid: int) -> list[bytes]:
    """The fields of a process's `stat` from its state on; [] when it is gone."""
    return read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def mark_of(pid: int) -> int | None:
    """The limit of file locks that a process inherited; None without one. See `lineage`."""
    limit = read(f"/proc/{pid}/limits").partition(b"\nMax file locks")[2].split(None, 1)
    return int(limit[0]) if limit and limit[0].isdigit() else None


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


def send(pid: int, start: int, number: int) -> None:
    """Signal exactly the process that started then, or with a negative number a group; gone already is fine."""
    import signal

    try:
        if pid < 0 or not hasattr(os, "pidfd_open"):
            os.kill(pid, number)
            return
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        stat = stat_of(pid)
        if len(stat) >= 20 and int(stat[19]) == start:
            signal.pidfd_send_signal(handle, number)
    except OSError:
        pass
    finally:
        os.close(handle)


def read(path: str) -> bytes:
    """A file's content, empty when it cannot be read."""
    try:
        with open(path, "rb") as source:
            return source.read()
    except OSError:
        return b""


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
    # To tidy an interpreter up, twice, would take as long as its start, and the end of `up` waits for it.
    os._exit(0)
