"""Who listens on a port, who holds it, and freeing it: against ss, lsof, fuser, psutil, kill-port and fkill.

    python benchmarks/ports.py [--rounds N] [--processes N] [--peers FOLDER]

Beside N idle processes with 20 file descriptors each (500 unless told otherwise). Paired rounds, medians.
kill-port and fkill-cli are taken from FOLDER/node_modules, or installed into a temporary folder; without npm
they are left out. Exit code 1 when an answer is wrong, when "is it listening" takes more than 1 ms, when
naming the holder takes more than 1.2 times ss, or when freeing is slower than a peer.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DESCRIPTORS = 20
LISTEN_BUDGET = 0.001  # seconds
HOLDER_BUDGET = 1.2  # times ss
PEERS = ("kill-port", "fkill-cli")

Answer = Callable[[], bool]


@contextmanager
def crowd(count: int) -> Iterator[None]:
    """`count` processes that only wait, each with further open files; they end when we do."""
    code = (
        "import os, sys\n"
        f"for _ in range({count}):\n"
        "    if os.fork() == 0:\n"
        f"        for _ in range({DESCRIPTORS}): os.open('/dev/null', os.O_RDONLY)\n"
        "        os.write(1, b'.'); sys.stdin.buffer.read(1); os._exit(0)\n"
        "sys.stdin.buffer.read(1)\n"
        "while True:\n"
        "    try: os.wait()\n"
        "    except ChildProcessError: break\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdin is not None
    assert parent.stdout is not None
    try:
        parent.stdout.read(count)
        yield
    finally:
        parent.stdin.close()
        parent.wait()
        parent.stdout.close()


@contextmanager
def server() -> Iterator[tuple[int, int]]:
    """A listening process of another program: (port, pid)."""
    code = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); s.listen()\n"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def output(*argv: str) -> str:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def listening(port: int) -> dict[str, Answer]:
    """Ways to learn that somebody listens."""
    from devstack.host.ports import listeners

    def connects() -> bool:
        with socket.create_connection(("127.0.0.1", port)):
            return True

    def in_table() -> bool:
        return f":{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()

    found: dict[str, Answer] = {
        "connect()": connects,
        "devstack": lambda: [one.port for one in listeners([port])] == [port],
        "/proc/net/tcp": in_table,
    }
    if shutil.which("ss"):
        found["ss -ltn"] = lambda: f":{port} " in output("ss", "-ltnH", f"sport = :{port}")
    return found


def naming(port: int, pid: int) -> dict[str, Answer]:
    """Ways to learn who it is."""
    import psutil

    from devstack.host.ports import Context, holders, listeners_of

    context = Context()
    found: dict[str, Answer] = {
        "devstack, own tree": lambda: [one.port for one in listeners_of([pid])] == [port],
        "devstack": lambda: [one.pid for one in holders([port], context)[port]] == [pid],
        "psutil": lambda: (
            (port, pid)
            in {(one.laddr.port, one.pid) for one in psutil.net_connections("tcp") if one.status == "LISTEN"}
        ),
    }
    if shutil.which("ss"):
        found["ss -ltnp"] = lambda: f"pid={pid}," in output("ss", "-ltnpH")
    if shutil.which("fuser"):
        found["fuser"] = lambda: str(pid) in output("fuser", f"{port}/tcp")
    if shutil.which("lsof"):
        found["lsof"] = lambda: str(pid) in output("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN")
    return found


def freeing(peers: Path | None) -> dict[str, Callable[[int], list[str]]]:
    """Command lines that free a port."""
    found: dict[str, Callable[[int], list[str]]] = {
        "devstack": lambda port: [
            *(sys.executable, "-m", "devstack", "ports", "--kill", str(port), "--yes", "--force")
        ],
    }
    if peers is not None:
        programs = peers / "node_modules" / ".bin"
        found["kill-port"] = lambda port: [str(programs / "kill-port"), str(port)]
        found["fkill"] = lambda port: [str(programs / "fkill"), f":{port}"]
    return found


def compare(ways: Mapping[str, Answer], rounds: int) -> tuple[dict[str, float], list[str]]:
    """Median seconds of each way, one after the other in every round, and which ones were wrong."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    wrong: set[str] = set()
    for name, ask in ways.items():
        if not ask():  # also warms up
            wrong.add(name)
    for _ in range(rounds):
        for name, ask in ways.items():
            started = time.perf_counter()
            if not ask():
                wrong.add(name)
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in taken.items()}, sorted(wrong)


def compare_freeing(
    ways: Mapping[str, Callable[[int], list[str]]], rounds: int, folder: Path
) -> tuple[dict[str, float], list[str]]:
    """The same for freeing: a new server for every try; its port must be bindable afterwards."""
    from devstack.host.ports import is_bindable

    taken: dict[str, list[float]] = {name: [] for name in ways}
    wrong: set[str] = set()
    for _ in range(rounds):
        for name, argv in ways.items():
            with server() as (port, _):
                started = time.perf_counter()
                subprocess.run(
                    argv(port), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
                )
                taken[name].append(time.perf_counter() - started)
                if not is_bindable(port):
                    wrong.add(name)
    return {name: statistics.median(times) for name, times in taken.items()}, sorted(wrong)


def show(title: str, medians: Mapping[str, float]) -> None:
    print(f"\n{title}")
    own = medians["devstack"]
    for name, seconds in sorted(medians.items(), key=lambda row: row[1]):
        print(f"  {name:20} {seconds * 1000:10.3f} ms  {seconds / own:8.1f} x")


@contextmanager
def installed_peers(folder: Path | None) -> Iterator[Path | None]:
    """Where kill-port and fkill are; None without npm."""
    if folder is not None or shutil.which("npm") is None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as name:
        done = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", name, *PEERS],
            capture_output=True,
            check=False,
        )
        yield Path(name) if done.returncode == 0 else None


def verdict(tables: Mapping[str, tuple[dict[str, float], list[str]]]) -> list[str]:
    """What is wrong or too slow."""
    own = [
        title for title, (_, wrong) in tables.items() if any(name.startswith("devstack") for name in wrong)
    ]
    bad = [f"{title}: devstack gave a wrong answer" for title in own]
    listen, holder, freed = (medians for medians, _ in tables.values())
    if listen["devstack"] > LISTEN_BUDGET:
        bad.append("asking whether somebody listens takes more than 1 ms")
    if "ss -ltnp" in holder and holder["devstack"] > HOLDER_BUDGET * holder["ss -ltnp"]:
        bad.append(f"naming the holder takes more than {HOLDER_BUDGET} times ss")
    bad += [
        f"freeing is slower than {name}" for name, seconds in freed.items() if seconds < freed["devstack"]
    ]
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--processes", type=int, default=500)
    parser.add_argument("--peers", type=Path)
    options = parser.parse_args()
    from devstack.host.linux_sockets import all_pids

    if sys.platform != "linux":
        print("this benchmark reads Linux's tables")
        return 0
    with installed_peers(options.peers) as peers, crowd(options.processes), server() as (port, pid):
        count = len(all_pids())
        print(f"{count} processes")
        with tempfile.TemporaryDirectory() as folder:
            tables = {
                "Is it listening?": compare(listening(port), options.rounds),
                "Who holds it?": compare(naming(port, pid), options.rounds),
                "Free it (process start included)": compare_freeing(
                    freeing(peers), max(3, options.rounds // 2), Path(folder)
                ),
            }
    for title, (medians, wrong) in tables.items():
        show(title, medians)
        for name in wrong:
            print(f"  wrong at least once (answer, or the port was not free yet): {name}")
    bad = verdict(tables)
    for line in bad:
        print(f"FAILED: {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
