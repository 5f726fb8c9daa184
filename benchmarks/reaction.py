"""How fast a run reacts: a server that listens is ready, a changed env file is a new process, kill -9 is the end.

    python benchmarks/reaction.py [--rounds N]

The service writes the moment at which it does something into a file; devstack's events carry theirs.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BUDGETS = {"ready after listening": 0.020, "new process after the edit": 0.150, "all gone after kill -9": 1.0}

SERVER = """
import os, socket, time
with open("begins", "a") as out: out.write(f"{time.time()}\\n")
time.sleep(0.3)
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(os.environ["PORT"])))
server.listen()
with open("listens", "a") as out: out.write(f"{time.time()}\\n")
while True: server.accept()[0].close()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(process: subprocess.Popen[bytes], name: str) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event.get("event") == name:
            return event
    raise SystemExit(f"the run ended without {name}")


def last(path: Path) -> float:
    return float(path.read_text().split()[-1])


def lives(run: str) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"DEVSTACK_RUN={run}\0".encode() in (entry / "environ").read_bytes() + b"\0":
                    return True
            except OSError:
                continue
    return False


def once(folder: Path, number: int) -> tuple[float, float, float]:
    process = subprocess.Popen(
        [sys.executable, "-m", "devstack", "up", "--json"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        run = until(process, "run.started")["run"]
        ready = until(process, "service.ready")["t"] - last(folder / "listens")
        edited = time.time()
        draft = folder / "draft"
        draft.write_text(f"COLOR=c{number}-{os.getpid()}\n")
        draft.replace(folder / ".env")
        until(process, "env.changed")
        until(process, "service.ready")
        changed = last(folder / "begins") - edited
        process.kill()
        began = time.perf_counter()
        while lives(run):
            if time.perf_counter() - began > 15:
                raise SystemExit("left after kill -9")
            time.sleep(0.01)
        return ready, changed, time.perf_counter() - began
    finally:
        process.kill()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "server.py").write_text(SERVER)
        (folder / ".env").write_text("COLOR=red\n")
        (folder / "stack.toml").write_text(
            f'[services.a]\ntype = "command"\ncommand = "{sys.executable} server.py"\nport = {free_port()}\n'
        )
        rows = [once(folder, number) for number in range(rounds)]
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    print("| reaction | median s | worst s | budget s |")
    print("|---|---|---|---|")
    is_over = False
    for (what, budget), median, column in zip(BUDGETS.items(), medians, zip(*rows, strict=True), strict=True):
        print(f"| {what} | {median:.3f} | {max(column):.3f} | {budget:.3f} |")
        is_over = is_over or median > budget
    if is_over:
        print("wrong: over budget")
    return 1 if is_over else 0


if __name__ == "__main__":
    sys.exit(main())
