"""`devstack up` against honcho and concurrently: until every service runs.

    python benchmarks/up_start.py [--rounds N]

Each service writes its pid into a file when it runs; the clock stops when all have. Paired rounds, medians.
devstack does its checks and port checks in that time; the others do none. The floor is a Python program that
starts them and nothing else. Exit code 1 over budget (1.0 x honcho) or when a service was not started.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

try:
    from benchmarks import _starters
except ImportError:  # run as a script
    import _starters  # type: ignore[import-not-found, no-redef]


def once(argv: list[str], folder: Path, count: int) -> tuple[float, float]:
    """Seconds until all run, and CPU seconds until then of the starter and of what it started and waited for."""
    process, took, _ = _starters.start(argv, folder, count)
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    time.sleep(0.3)  # honcho hangs when it is interrupted while it still starts
    process.send_signal(signal.SIGINT)
    process.wait(30)
    return took, sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    wrong: list[str] = []
    print(f"| {'services':>8} | {'program':<12} | start s | x honcho | CPU s |")
    print(f"|{'-' * 10}|{'-' * 14}|{'-' * 9}|{'-' * 10}|{'-' * 7}|")
    for count in (3, 50):
        found: dict[str, list[tuple[float, float]]] = {}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _starters.write(folder, count)
            for number in range(rounds + 1):  # the first round warms the caches
                for one, argv in _starters.candidates(count).items():
                    result = once(argv, folder, count)
                    if number:
                        found.setdefault(one, []).append(result)
        usual = statistics.median(row[0] for row in found["honcho"])
        for one, rows in found.items():
            took, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
            print(f"| {count:>8} | {one:<12} | {took:7.3f} | {took / usual:8.2f} | {cpu:5.2f} |")
        # Each round's pair has seen the same machine: their ratio is less moved by what else runs on it.
        pairs = [own[0] / peer[0] for own, peer in zip(found["devstack"], found["honcho"], strict=True)]
        ratio = statistics.median(pairs)
        if ratio > 1:
            wrong.append(f"{count} services take {ratio:.2f} x as long as with honcho")
    for line in wrong:
        print(f"over budget: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
