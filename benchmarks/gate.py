"""How long after a server is ready somebody notices: devstack, wait-on, start-server-and-test, in one run.

    python benchmarks/gate.py [--rounds N] [--peers FOLDER]

A server starts to listen at a random moment and writes down when. Measured is the moment at which the next command
runs, minus that one; for devstack also the moment at which `up --json` says `service.ready`. Paired rounds, medians.
wait-on and start-server-and-test are taken from FOLDER/node_modules, or installed into a temporary folder; without
npm they are left out. Exit code 1 when devstack's median is above 20 ms, or not below its peers'.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

BUDGET = 0.020  # seconds
PEERS = ("wait-on", "start-server-and-test")
STAMP = "date +%s.%N > next"

SERVER = """
import http.server, sys, time
time.sleep(float(sys.argv[2]))
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
now = time.time()
open("listens", "w").write(repr(now))
server.serve_forever()
"""

Round = Callable[[Path, int, float], dict[str, float]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """End its whole group: the shell may be gone while the server that it started lives."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    process.communicate(timeout=20)


def command(port: int, delay: float) -> str:
    return f"{sys.executable} server.py {port} {delay:.3f}"


def await_file(path: Path) -> float:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text().strip()):
            return float(text)
        time.sleep(0.02)
    raise SystemExit(f"{path.name} was never written: a program did not do its work")


def devstack(probe: str) -> Round:
    def measure(folder: Path, port: int, delay: float) -> dict[str, float]:
        (folder / "stack.toml").write_text(
            f'[services.server]\ntype = "command"\ncommand = "{command(port, delay)}"\nport = {port}\n'
            f"ready = {{ {probe} }}\n"
            f'[services.next]\ntype = "command"\noneshot = true\ncommand = "{STAMP}"\n'
            'depends_on = ["server"]\n'
        )
        run = subprocess.Popen(
            [sys.executable, "-m", "devstack", "up", "--json", "--no-doctor"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert run.stdout
        said = 0.0
        for line in run.stdout:
            event = json.loads(line)
            if event.get("event") == "service.ready" and event["service"] == "server":
                said = time.time()
                break
        after = await_file(folder / "next")
        listens = await_file(folder / "listens")
        stop(run, signal.SIGINT)
        return {f"devstack ({probe}): service.ready": said - listens, f"devstack ({probe})": after - listens}

    return measure


def wait_on(programs: Path, target: str) -> Round:
    def measure(folder: Path, port: int, delay: float) -> dict[str, float]:
        shell = (
            f"{command(port, delay)} 2>/dev/null & {programs / 'wait-on'} {target.format(port)} && {STAMP}"
        )
        process = subprocess.Popen(["sh", "-c", shell], cwd=folder, start_new_session=True)
        after, listens = await_file(folder / "next"), await_file(folder / "listens")
        stop(process)
        return {f"wait-on ({target.partition(':')[0]})": after - listens}

    return measure


def start_server_and_test(programs: Path) -> Round:
    def measure(folder: Path, port: int, delay: float) -> dict[str, float]:
        (folder / "package.json").write_text("{}")
        process = subprocess.Popen(
            [
                str(programs / "start-server-and-test"),
                command(port, delay),
                f"http-get://127.0.0.1:{port}",
                STAMP,
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        after, listens = await_file(folder / "next"), await_file(folder / "listens")
        stop(process)
        return {"start-server-and-test": after - listens}

    return measure


def peers(given: Path | None, scratch: Path) -> Path | None:
    """The folder of the peers' programs; None where npm cannot install them."""
    if given is not None:
        return given / "node_modules" / ".bin"
    if shutil.which("npm") is None:
        return None
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(scratch), *PEERS],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return scratch / "node_modules" / ".bin" if done.returncode == 0 else None


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        programs = peers(given.peers, Path(scratch))
        measures: list[Round] = [devstack("tcp = true"), devstack('http = "/"')]
        if programs is None:
            print("wait-on and start-server-and-test: left out, npm cannot install them")
        else:
            measures += [
                wait_on(programs, "tcp:127.0.0.1:{}"),
                wait_on(programs, "http-get://127.0.0.1:{}/"),
                start_server_and_test(programs),
            ]
        found = rounds(measures, given.rounds)
    return report(found)


def rounds(measures: list[Round], count: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for _ in range(count):
        delay = 1.0 + random.random()  # so that no fixed interval is met by luck
        for measure in measures:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "server.py").write_text(SERVER)
                for name, seconds in measure(Path(folder), free_port(), delay).items():
                    found.setdefault(name, []).append(seconds)
    return found


def report(found: dict[str, list[float]]) -> int:
    failed = False
    for name, seconds in found.items():
        middle = statistics.median(seconds)
        is_ours = name.endswith("service.ready")
        missed = is_ours and middle > BUDGET
        failed = failed or missed
        budget = f"   budget {BUDGET * 1000:.0f} ms{', MISSED' if missed else ''}" if is_ours else ""
        print(
            f"{name:<42} median {middle * 1000:7.1f} ms   worst {max(seconds) * 1000:7.1f} ms"
            f"   ({len(seconds)} rounds){budget}"
        )
    ours = max(statistics.median(one) for name, one in found.items() if name.startswith("devstack"))
    others = [statistics.median(one) for name, one in found.items() if not name.startswith("devstack")]
    if others and ours >= min(others):
        print("devstack is not the fastest")
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
