"""Tiny real services for end-to-end tests, and a look at what lives. Each program takes its port as PORT."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.conftest import NODE_MODULES, PATIENCE

PYTHON = sys.executable

# Answers 200 on every path; prints the value of COLOR when asked and when it starts.
SERVER = """
import http.server, os, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("COLOR", "none").encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer.address_family = 10 if ":" in os.environ.get("BIND", "") else 2
server = http.server.ThreadingHTTPServer((os.environ.get("BIND", "127.0.0.1"), int(os.environ["PORT"])), Page)
print("serving", os.environ.get("COLOR", "none"), flush=True)
server.serve_forever()
"""

# Listens whenever the file `open` exists, and only then. Answers nothing; run it with `python -IS`.
DOOR = """
import os, select, socket, time
door = None
while True:
    if os.path.exists("open") and door is None:
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", int(os.environ["PORT"])))
        door.listen()
    elif not os.path.exists("open") and door is not None:
        door.close()
        door = None
    if door is None:
        time.sleep(0.01)
    elif select.select([door], [], [], 0.01)[0]:
        door.accept()[0].close()
"""

# Ignores TERM. Says when it is ready to.
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("stubborn", flush=True)
while True: time.sleep(60)
"""

# The leader obeys TERM at once, a member of its group does not.
STUBBORN_MEMBER = """
import os, signal, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open("member", "w").write(str(os.getpid()))
    while True: time.sleep(60)
while not os.path.exists("member"): time.sleep(0.01)
print("leader", flush=True)
while True: time.sleep(60)
"""

# A grandchild in a session of its own, double-forked, that keeps the pipe and ignores TERM.
ESCAPED = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("escaped", "w").write(str(os.getpid()))
        while True: time.sleep(60)
    os._exit(0)
os.wait()
while not os.path.exists("escaped") or not open("escaped").read(): time.sleep(0.01)
print("away", flush=True)
if len(sys.argv) > 1: sys.exit(int(sys.argv[1]))
while True: time.sleep(60)
"""

# Writes down every start; exits with the code in the file `code` when that exists, else waits.
COUNTING = """
import os, sys, time
with open("starts", "a") as out: out.write("x")
if os.path.exists("code"): sys.exit(int(open("code").read()))
print("waiting", flush=True)
while True: time.sleep(60)
"""


def python(name: str, *arguments: str) -> str:
    """The command that runs the program `name` of the stack's folder."""
    return " ".join([PYTHON, "-u", name, *arguments])


def with_modules(folder: Path) -> Path:
    """Link the installed packages into `folder`, with the programs that npm scripts find."""
    (folder / "node_modules" / ".bin").mkdir(parents=True)
    for package in NODE_MODULES.iterdir():
        if not package.name.startswith("."):
            (folder / "node_modules" / package.name).symlink_to(package)
    for name, program in (
        ("vite", "vite/bin/vite.js"),
        ("next", "next/dist/bin/next"),
        ("nodemon", "nodemon/bin/nodemon.js"),
    ):
        (folder / "node_modules" / ".bin" / name).symlink_to(NODE_MODULES / program)
    return folder


def tagged(run: str) -> list[int]:
    """Living processes that carry this run's tag."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if f"DEVSTACK_RUN={run}\0".encode() not in (entry / "environ").read_bytes() + b"\0":
                continue
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.append(int(entry.name))
    return found


def guards(supervisor: int) -> list[int]:
    """Living guards of the devstack with this pid; they carry no tag."""
    return [pid for pid in children(supervisor) if b"guard_main" in command_line(pid)]


def command_line(pid: int) -> bytes:
    """The words of a process, each with a null byte behind it; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children(pid: int) -> list[int]:
    """What the first thread of a process has started or adopted."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def below(supervisor: int) -> dict[int, str]:
    """Living processes below this one, however deep, without its guards: pid → what identifies it for good."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if found := identified(int(entry.name)) if entry.name.isdigit() else None:
            parents.setdefault(int(found.split()[1]), []).append((int(entry.name), found.split()[-1]))
    apart, found_below, waiting = guards(supervisor), dict[int, str](), [supervisor]
    while waiting:
        for pid, start in parents.get(waiting.pop(), ()):
            if pid not in apart:
                found_below[pid] = start
                waiting.append(pid)
    return found_below


def identified(pid: int) -> str | None:
    """State, parent and start mark of a process that lives; None when it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{fields[0]} {fields[1]} {fields[19]}"


def living(processes: Mapping[int, str]) -> dict[int, str]:
    """Which of these (pid → start mark) still live, with their command."""
    left = {}
    for pid, start in processes.items():
        now = identified(pid)
        if now is not None and now.split()[-1] == start:
            left[pid] = command_line(pid).replace(b"\0", b" ").decode()[:80]
    return left


def kill_with_guard(supervisor: int) -> None:
    """`kill -9` of devstack and of its guards: suspended first, so that it cannot start another guard."""
    os.kill(supervisor, signal.SIGSTOP)
    stat = Path(f"/proc/{supervisor}/stat")
    assert eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    (guard,) = guards(supervisor)
    assert eventually(lambda: children(guard)), "a guard has a twin"
    for pid in (*(twins := children(guard)), guard):
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not any(map(identified, (*twins, guard))))
    os.kill(supervisor, signal.SIGKILL)


def can_bind(port: int) -> bool:
    """Whether a server could have this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def eventually(what: Callable[[], object], timeout: float = PATIENCE) -> bool:
    """Whether `what` becomes true; looked at often, so no sleep decides the outcome."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.01)
    return bool(what())


def sleeps(thread: threading.Thread) -> bool:
    """Whether a thread of ours is left alone for a second: what wakes up by itself does so in every second."""

    def switches() -> int:
        status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])

    for _ in range(10):  # what it did last may take it a moment more
        before = switches()
        time.sleep(1.0)
        if switches() - before <= 3:
            return True
    return False


def toml(services: Mapping[str, Mapping[str, object]], extra: str = "") -> str:
    """A stack.toml; values are written as TOML literals, dicts as inline tables."""
    lines = ['name = "test"', extra]
    for name, entries in services.items():
        lines.append(f"[services.{name}]")
        if "type" not in entries:
            lines.append('type = "command"')
        lines += [f"{key} = {_literal(value)}" for key, value in entries.items()]
    return "\n".join(lines) + "\n"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_literal(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else str(value)
