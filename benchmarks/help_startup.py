"""`devstack --help` against a bare click app with as many commands; the floor is `python -c pass`.

    python benchmarks/help_startup.py [--rounds N]

Paired rounds, medians. Exit code 1 when devstack takes more than 1.3 times the bare app's time, or when its
help lacks a command, or when it imports something heavy.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET = 1.3
HEAVY = ("pydantic", "pydantic_core", "asyncio", "rich", "jwt", "psutil", "watchfiles", "tree_sitter", "yaml")

BARE = """\
import click

@click.group()
def root():
    pass

for number in range({count}):
    root.command("command-%d" % number, help="Does one thing.")(lambda: None)

root()
"""


def commands() -> list[str]:
    """The names that the help must show."""
    from devstack.cli.app import COMMANDS

    return list(COMMANDS)


def candidates(folder: Path) -> dict[str, list[str]]:
    """What is compared; a peer only where it is installed."""
    bare = folder / "bare.py"
    bare.write_text(BARE.format(count=len(commands())))
    found = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "bare click app": [sys.executable, str(bare), "--help"],
        "devstack": [sys.executable, "-m", "devstack", "--help"],
    }
    if importlib.util.find_spec("honcho"):
        found["honcho"] = [sys.executable, "-c", "from honcho.command import main; main()", "--help"]
    return found


def seconds(argv: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


def mistakes() -> list[str]:
    """What is wrong with the work itself: commands that are not listed, heavy imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "devstack", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    wrong = [f"the help lacks {name}" for name in commands() if f"  {name} " not in done.stdout]
    return wrong + [f"--help imports {name}" for name in HEAVY if name in modules]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        what = candidates(Path(folder))
        times: dict[str, list[float]] = {name: [] for name in what}
        for number in range(rounds + 1):
            for name, argv in what.items():
                took = seconds(argv)
                if number:  # the first round warms the caches
                    times[name].append(took)
    medians = {name: statistics.median(values) for name, values in times.items()}
    base = medians["bare click app"]
    print(f"| {'--help':<16} | median ms | x bare click |")
    print(f"|{'-' * 18}|{'-' * 11}|{'-' * 14}|")
    for name, value in medians.items():
        print(f"| {name:<16} | {value * 1000:9.1f} | {value / base:12.2f} |")
    wrong = mistakes()
    if medians["devstack"] > BUDGET * base:
        wrong.append(f"devstack takes more than {BUDGET} x the bare click app")
    for line in wrong:
        print(f"wrong: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
