"""What a running stack costs while nothing happens: CPU, wake-ups, memory of devstack and its guard.

    python benchmarks/idle.py [--seconds N]

Three services, one of them with a port and a gate, and env files that are watched. Read from /proc.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CPU_BUDGET = 0.010  # seconds per minute
WAKE_BUDGET = 1.0  # per second
RSS_BUDGET = 45.0  # MB


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write(folder: Path) -> None:
    port = free_port()
    (folder / ".env").write_text("COLOR=red\n")
    (folder / "stack.toml").write_text(
        f"""
[services.web]
type = "command"
command = "{sys.executable} -m http.server {port} --bind 127.0.0.1"
port = {port}
[services.b]
type = "command"
command = "sleep 1000"
[services.c]
type = "command"
command = "sleep 1000"
"""
    )


def cpu(pid: int) -> float:
    """CPU seconds; /proc/PID/schedstat counts nanoseconds."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def switches(pid: int) -> int:
    """Times that any thread went to sleep by itself: each is one wake-up."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for line in (thread / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        log = (folder / "out").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack", "up"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            while b"Ready in" not in (folder / "out").read_bytes():
                if process.poll() is not None:
                    print((folder / "out").read_text())
                    return 1
                time.sleep(0.05)
            time.sleep(2)
            before = (cpu(process.pid), switches(process.pid))
            time.sleep(seconds)
            after = (cpu(process.pid), switches(process.pid))
            rss = memory(process.pid)
        finally:
            process.terminate()
            process.wait(20)
            log.close()
    used = (after[0] - before[0]) * 60 / seconds
    wakes = (after[1] - before[1]) / seconds
    print("| idle, 3 services | measured | budget |")
    print("|---|---|---|")
    print(f"| CPU ms per minute | {used * 1000:.1f} | {CPU_BUDGET * 1000:.0f} |")
    print(f"| wake-ups per second | {wakes:.2f} | {WAKE_BUDGET:.0f} |")
    print(f"| memory MB | {rss:.1f} | {RSS_BUDGET:.0f} |")
    is_over = used > CPU_BUDGET or wakes > WAKE_BUDGET or rss > RSS_BUDGET
    if is_over:
        print("wrong: over budget")
    return 1 if is_over else 0


if __name__ == "__main__":
    sys.exit(main())
