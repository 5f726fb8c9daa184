"""`devstack doctor`: cold on the demo stack, and on stacks with thousands of env files.

    python benchmarks/doctor.py [files …]        (default: 1000)

Peers: a bare interpreter (the floor of a cold start), and python-dotenv's bare parse of the same env files in one
process. Budgets: cold 0.35 s; many files: linear, and not slower than python-dotenv's parse alone.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEYS = 50
COLD_BUDGET = 0.35  # seconds
FAULT_EVERY = 10  # one file in ten holds a duplicate, so that the work can be checked


def timed(call: Callable[[], object], runs: int) -> float:
    """Median seconds."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def run(*argv: str, cwd: Path) -> str:
    """Standard output of a finished command; any exit code of doctor's own is fine."""
    done = subprocess.run([sys.executable, *argv], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{argv}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def repository(folder: Path, files: int) -> None:
    """A stack of `files` services with one env file each."""
    lines = ['name = "many"']
    for number in range(files):
        lines += [
            f"[services.s{number}]",
            'type = "python"',
            f'dir = "s{number}"',
            'command = "python3 -m s"',
        ]
        path = folder / f"s{number}"
        path.mkdir()
        body = [f"NAME_{number}_{key}=value-{number}-{key}" for key in range(KEYS)]
        if number % FAULT_EVERY == 0:
            body.append(f"NAME_{number}_0=another")
        (path / ".env").write_text("\n".join(body) + "\n")
    (folder / "stack.toml").write_text("\n".join(lines) + "\n")


def parse_all(folder: Path) -> int:
    """What python-dotenv alone needs for the same files; the number of bindings."""
    script = (
        "import pathlib, dotenv.parser as p\n"
        "print(sum(len(list(p.parse_stream(f.open()))) for f in pathlib.Path('.').glob('s*/.env')))"
    )
    return int(run("-c", script, cwd=folder))


def cold() -> bool:
    """The demo stack, and the floor."""
    floor = timed(lambda: run("-c", "pass", cwd=ROOT), 5)
    doctor = timed(lambda: run("-m", "devstack", "doctor", "--json", cwd=ROOT), 7)
    is_met = doctor <= COLD_BUDGET
    print(
        f"{'cold, demo stack':<28} {doctor:8.3f} s   floor {floor:.3f} s   budget {COLD_BUDGET} s   {verdict(is_met)}"
    )
    return is_met


def many(files: int) -> bool:
    """A repository of `files` env files; checks that every fault was found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository(folder, files)
        peer = timed(lambda: parse_all(folder), 3)
        taken = timed(lambda: run("-m", "devstack", "doctor", "--json", cwd=folder), 3)
        found = json.loads(run("-m", "devstack", "doctor", "--json", "--select", "duplicate-key", cwd=folder))
    faults = len(found["findings"])
    if faults != len(range(0, files, FAULT_EVERY)):
        raise SystemExit(f"{faults} of {len(range(0, files, FAULT_EVERY))} faults found")
    is_met = taken <= peer
    print(
        f"{f'{files} files x {KEYS} keys':<28} {taken:8.3f} s   python-dotenv parse {peer:.3f} s   "
        f"ratio {taken / peer:.2f}   {verdict(is_met)}"
    )
    return is_met


def verdict(is_met: bool) -> str:
    return "ok" if is_met else "OVER BUDGET"


def main() -> int:
    sizes = [int(text) for text in sys.argv[1:]] or [1000]
    os.environ.pop("PORT", None)
    results = [cold(), *(many(size) for size in sizes)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
