"""`devstack up` against honcho: until every service runs, and from Ctrl-C until all are gone.

    python benchmarks/up_start.py [--rounds N]

Each service appends one byte to a file when it runs; the clock stops when all have. Paired rounds, medians.
devstack does its checks and port checks in that time; honcho does none. Exit code 1 over budget or when a
service was not started, or lives on.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STOP_BUDGET = 0.10
CANDIDATES = {
    "honcho": [sys.executable, "-c", "from honcho.command import main; main()", "start"],
    "devstack": [sys.executable, "-m", "devstack", "up"],
}


def write(folder: Path, count: int) -> None:
    """The same services for both: write a byte, then sleep."""
    (folder / "service.sh").write_text("printf x >> started; exec sleep 1000\n")
    names = [f"s{number}" for number in range(count)]
    (folder / "Procfile").write_text("".join(f"{name}: sh service.sh\n" for name in names))
    tables = [f'[services.{name}]\ntype = "command"\ncommand = "sh service.sh"\n' for name in names]
    (folder / "stack.toml").write_text("\n".join(tables))


def once(argv: list[str], folder: Path, count: int) -> tuple[float, float, float]:
    """Seconds until all run, seconds from Ctrl-C until it ended, CPU seconds of our own until then."""
    started = folder / "started"
    started.write_bytes(b"")
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while started.stat().st_size < count:
        if process.poll() is not None or time.perf_counter() - began > 60:
            raise SystemExit(f"{argv}: only {started.stat().st_size} of {count} services were started")
        time.sleep(0.001)
    up = time.perf_counter() - began
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / 100
    time.sleep(0.4)
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.wait(30)
    return up, time.perf_counter() - began, cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    wrong: list[str] = []
    print(f"| {'services':>8} | {'program':<9} | start s | x honcho | CPU s | Ctrl-C s |")
    print(f"|{'-' * 10}|{'-' * 11}|{'-' * 9}|{'-' * 10}|{'-' * 7}|{'-' * 10}|")
    for count in (3, 50):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, count)
            found: dict[str, list[tuple[float, float, float]]] = {one: [] for one in CANDIDATES}
            for number in range(rounds + 1):
                for one, argv in CANDIDATES.items():
                    result = once(argv, folder, count)
                    if number:
                        found[one].append(result)
        medians = {
            one: tuple(statistics.median(column) for column in zip(*rows, strict=True))
            for one, rows in found.items()
        }
        for one, (up, stop, cpu) in medians.items():
            ratio = up / medians["honcho"][0]
            print(f"| {count:>8} | {one:<9} | {up:7.3f} | {ratio:8.2f} | {cpu:5.2f} | {stop:8.3f} |")
        if medians["devstack"][0] > medians["honcho"][0]:
            wrong.append(f"{count} services start more slowly than with honcho")
        if count == 3 and medians["devstack"][1] > STOP_BUDGET:
            wrong.append(f"stopping takes {medians['devstack'][1]:.3f} s, budget {STOP_BUDGET} s")
    for line in wrong:
        print(f"wrong: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
