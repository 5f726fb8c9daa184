"""`devstack doctor`: cold on the demo stack, and on stacks with thousands of env files.

    python benchmarks/doctor.py [--large] [files …]        (default: 200 1000; --large: and 10000)

Peers: a bare interpreter (the floor of a cold start), and python-dotenv's bare parse of the same env files in one
process. Budgets: cold 0.35 s, of which rules 50 ms; many files: linear, and not slower than python-dotenv's parse
alone. Many files are judged by CPU seconds, the best of several runs: both programs use one core and wait for nothing.
"""

from __future__ import annotations

import compileall
import json
import math
import os
import re
import resource
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
RULES_BUDGET = 0.05  # seconds of it, without what is read for them
LINEAR = 1.15  # CPU seconds may grow with the files to this power
FAULT_EVERY = 10  # one file in ten holds a duplicate, so that the work can be checked


def timed(call: Callable[[], object], runs: int) -> float:
    """Median seconds."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A finished command; any exit code of doctor's own is fine."""
    done = subprocess.run([sys.executable, *argv], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{argv}: exit {done.returncode}\n{done.stderr}")
    return done


def cpu(call: Callable[[], object], runs: int) -> float:
    """User and system seconds of the command that `call` runs; the best of some runs."""
    taken = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        call()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


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
    return int(run("-c", script, cwd=folder).stdout)


def rules_alone() -> float:
    """Seconds of all rules on the demo stack, as `--timings` tells them; the best of some runs."""
    taken = []
    for _ in range(5):
        told = run("-m", "devstack", "doctor", "--json", "--timings", cwd=ROOT).stderr
        found = re.search(r"([\d.]+) ms  all rules", told)
        taken.append(float(found[1]) / 1000 if found else float("inf"))
    return min(taken)


def cold() -> bool:
    """The demo stack, and the floor."""
    floor = timed(lambda: run("-c", "pass", cwd=ROOT), 5)
    doctor = timed(lambda: run("-m", "devstack", "doctor", "--json", cwd=ROOT), 7)
    rules = rules_alone()
    is_met, rules_met = doctor <= COLD_BUDGET, rules <= RULES_BUDGET
    print(
        f"{'cold, demo stack':<28} {doctor:8.3f} s   floor {floor:.3f} s   budget {COLD_BUDGET} s   {verdict(is_met)}"
    )
    print(f"{'  of which rules':<28} {rules:8.3f} s   budget {RULES_BUDGET} s   {verdict(rules_met)}")
    return is_met and rules_met


def many(files: int) -> tuple[float, bool]:
    """CPU seconds for a repository of `files` env files, and whether the peer is not quicker; checks every fault."""
    runs = max(1, min(9, 3000 // files))  # a short run is disturbed more easily
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository(folder, files)
        peer = cpu(lambda: parse_all(folder), runs)
        taken = cpu(lambda: run("-m", "devstack", "doctor", "--json", cwd=folder), runs)
        found = json.loads(
            run("-m", "devstack", "doctor", "--json", "--select", "duplicate-key", cwd=folder).stdout
        )
    faults = len(found["findings"])
    if faults != len(range(0, files, FAULT_EVERY)):
        raise SystemExit(f"{faults} of {len(range(0, files, FAULT_EVERY))} faults found")
    is_met = taken <= peer
    print(
        f"{f'{files} files x {KEYS} keys':<28} {taken:8.3f} CPU s   python-dotenv parse {peer:.3f} CPU s   "
        f"ratio {taken / peer:.2f}   {verdict(is_met)}"
    )
    return taken, is_met


def linear(taken: dict[int, float]) -> bool:
    """Whether the seconds grow with the files, from the smallest to the largest repository."""
    least, most = min(taken), max(taken)
    if least == most:
        return True
    power = math.log(taken[most] / taken[least]) / math.log(most / least)
    print(f"{'growth':<28} files to the power {power:.2f}   budget {LINEAR}   {verdict(power <= LINEAR)}")
    return power <= LINEAR


def verdict(is_met: bool) -> str:
    return "ok" if is_met else "OVER BUDGET"


def main() -> int:
    sizes = [int(text) for text in sys.argv[1:] if text != "--large"] or [200, 1000]
    sizes += [10_000] if "--large" in sys.argv[1:] else []
    os.environ.pop("PORT", None)
    compileall.compile_dir(
        ROOT / "devstack", quiet=2
    )  # as installing does; not every environment writes it by itself
    is_met = cold()
    results = {size: many(size) for size in sizes}
    grows = linear({size: seconds for size, (seconds, _) in results.items()})
    return 0 if is_met and grows and all(good for _, good in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
