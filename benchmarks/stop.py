"""From Ctrl-C until the starter and every service are gone.

    python benchmarks/stop.py [--rounds N]

The same three services under each; the clock stops when the starter has ended and no service is left. Paired
rounds, medians. Exit code 1 over budget (0.10 s), or when a service outlives devstack.
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

BUDGET = 0.10
SERVICES = 3


def once(argv: list[str], folder: Path) -> tuple[float, int]:
    """Seconds until everything is gone, and how many services the starter left behind."""
    process, _, pids = _starters.start(argv, folder, SERVICES)
    time.sleep(0.4)
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.wait(30)
    left = sum(map(is_alive, pids))
    while any(map(is_alive, pids)) and time.perf_counter() - began < 5:
        time.sleep(0.001)
    took = time.perf_counter() - began
    for pid in filter(is_alive, pids):
        os.kill(pid, signal.SIGKILL)
    return took, left


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] != b"Z"
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    found: dict[str, list[tuple[float, int]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _starters.write(folder, SERVICES)
        for _ in range(rounds):
            for one, argv in _starters.candidates(SERVICES).items():
                found.setdefault(one, []).append(once(argv, folder))
    print(f"| {'Ctrl-C, 3 services':<18} | median s | worst s | left behind |")
    print(f"|{'-' * 20}|{'-' * 10}|{'-' * 9}|{'-' * 13}|")
    for one, rows in found.items():
        times = [took for took, _ in rows]
        left = max(count for _, count in rows)
        print(f"| {one:<18} | {statistics.median(times):8.3f} | {max(times):7.3f} | {left:>11} |")
    wrong = []
    if statistics.median(took for took, _ in found["devstack"]) > BUDGET:
        wrong.append(f"over budget: {BUDGET} s")
    if any(left for _, left in found["devstack"]):
        wrong.append("wrong: a service outlived devstack")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
