"""The programs that start several services, each with the same ones; for up_start.py and stop.py."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

# The least that Python can do: start them, wait for the signal, pass it on, wait for their ends.
BARE = """\
import signal, subprocess, sys
signal.signal(signal.SIGINT, lambda *_: [one.terminate() for one in running])
running = [subprocess.Popen(["sh", "service.sh"], start_new_session=True) for _ in range(int(sys.argv[1]))]
for one in running:
    one.wait()
"""
# Writes its pid, then stays.
SERVICE = "echo $$ >> started; exec sleep 1000\n"


def write(folder: Path, count: int) -> None:
    """The same services for all of them."""
    (folder / "service.sh").write_text(SERVICE)
    (folder / "bare.py").write_text(BARE)
    names = [f"s{number}" for number in range(count)]
    (folder / "Procfile").write_text("".join(f"{name}: sh service.sh\n" for name in names))
    tables = [f'[services.{name}]\ntype = "command"\ncommand = "sh service.sh"\n' for name in names]
    (folder / "stack.toml").write_text("\n".join(tables))


# What the console scripts of both do.
SCRIPT = "import re, sys; from {module} import main; sys.exit(main())"


def candidates(count: int) -> Mapping[str, list[str]]:
    """Name → command line, the floor first; peers only where they are installed or can be."""
    found = {
        "bare Popen": [sys.executable, "bare.py", str(count)],
        "honcho": [sys.executable, "-c", SCRIPT.format(module="honcho.command"), "start"],
        "devstack": [sys.executable, "-c", SCRIPT.format(module="devstack.cli"), "up"],
    }
    program = concurrently()
    if program is not None:
        found["concurrently"] = [program, "--no-color", *["sh service.sh"] * count]
    return found


def concurrently() -> str | None:
    """The npm package, installed once into the temporary folder; None without npm or a registry."""
    folder = Path(tempfile.gettempdir()) / f"devstack-bench-peers-{os.getuid()}"
    program = folder / "node_modules" / ".bin" / "concurrently"
    npm = shutil.which("npm")
    if not program.exists() and npm is not None:
        argv = [
            npm,
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(folder),
            "concurrently@9",
        ]
        try:
            subprocess.run(argv, capture_output=True, timeout=90, check=False)
        except subprocess.TimeoutExpired:
            return None
    return str(program) if program.exists() else None


def start(argv: list[str], folder: Path, count: int) -> tuple[subprocess.Popen[bytes], float, list[int]]:
    """The starter, the seconds until every service runs, and their pids."""
    started = folder / "started"
    started.write_bytes(b"")
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while started.read_bytes().count(b"\n") < count:
        if process.poll() is not None or time.perf_counter() - began > 60:
            process.kill()
            raise SystemExit(f"{argv[:4]}: not all of {count} services were started")
        time.sleep(0.001)
    return process, time.perf_counter() - began, [int(pid) for pid in started.read_text().split()]
