"""A server and a worker that needs it, and what `ps` tells of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import Outcome

Command = Callable[..., Outcome]

SERVER = """
import http.server, os, sys
class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Quiet)
print(f"server of process {os.getpid()}", flush=True)
server.serve_forever()
"""
WORKER = """
import time
for number in range(3):
    print(f"job {number}", flush=True)
    time.sleep(0.05)
time.sleep(600)
"""


def stack(port: int, more: str = "") -> dict[str, str | bytes]:
    """A server on `port` and a worker that needs it."""
    text = f"""
name = "pair"
[services.server]
type = "command"
command = "{sys.executable} server.py {port}"
port = {port}
[services.worker]
type = "command"
command = "{sys.executable} worker.py"
depends_on = ["server"]
{more}
"""
    return {"stack.toml": text, "server.py": SERVER, "worker.py": WORKER}


def services(devstack: Command, folder: Path) -> dict[str, dict[str, Any]]:
    done = devstack("ps", "--json", cwd=folder)
    assert done.code == 0, done.out
    body = json.loads(done.out)
    assert body["version"] == 1
    return {one["name"]: one for one in body["services"]}


def is_alive(pid: int) -> bool:
    """A zombie that nobody has collected yet is dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
