"""Runs every benchmark, one after the other, and writes benchmarks/RESULTS.md: `python -m benchmarks [NAME …]`.

Each script checks its own result and exits non-zero when the work was not really done or a budget is missed.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "RESULTS.md"
LIMIT = 1800  # seconds for one script


def scripts(names: list[str]) -> list[Path]:
    """The scripts asked for, or all; `_name.py` holds what they share."""
    found = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("_"))
    unknown = set(names) - {path.stem for path in found}
    if unknown:
        sys.exit(
            f"no benchmark named {', '.join(sorted(unknown))}; there are: {', '.join(p.stem for p in found)}"
        )
    return [path for path in found if not names or path.stem in names]


def run(path: Path) -> tuple[int, str]:
    """Exit code and output of one script; shown while it runs."""
    process = subprocess.Popen(
        [sys.executable, "-u", str(path)],
        cwd=FOLDER.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    assert process.stdout
    deadline = time.monotonic() + LIMIT
    for line in process.stdout:
        sys.stdout.write(line)
        lines.append(line)
        if time.monotonic() > deadline:
            process.kill()
            lines.append("(stopped: out of time)\n")
    return process.wait(), "".join(lines)


def main(names: list[str]) -> int:
    """1 when any script failed."""
    sections, failed = [], []
    for path in scripts(names):
        print(f"== {path.stem}", flush=True)
        code, text = run(path)
        if code:
            failed.append(path.stem)
        verdict = "within its budgets" if code == 0 else f"FAILED (exit code {code})"
        sections.append(f"## {path.stem}: {verdict}\n\n```\n{text.rstrip()}\n```\n")
    if not names:
        head = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        intro = (
            "Medians of paired runs on one machine; compare ratios, not seconds. `make bench` makes it anew."
        )
        RESULTS.write_text(f"# Benchmarks\n\n{intro}\n\n{head}\n\n" + "\n".join(sections))
    print(f"failed: {', '.join(failed)}" if failed else "all within their budgets")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
