"""Writes docs/what-you-see.md from real runs in a real terminal (tmux): `python -m tests.what_you_see`.

Uses the ports 3001, 3002, 5173 and 9229. Process ids and paths of the machine are replaced.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "what-you-see.md"
WIDTH, HEIGHT = 104, 60
PATIENCE = 60
SEARCHED = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

SERVER = """\
import http.server, os, sys, time
started, warm_up = time.time(), float(sys.argv[1]) if len(sys.argv) > 1 else 0
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if time.time() < started + warm_up else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page)
print("listening on", os.environ["PORT"], flush=True)
server.serve_forever()
"""
WEB = 'print("\\x1b[2J\\x1b[H\\n  \\x1b[36mVITE v7.1.2\\x1b[39m  ready in 312 ms\\n", flush=True)\n' + SERVER
VOICE = """\
name = "voice"
services.ws = { type = "command", dir = "ws", command = "python3 server.py", port = 3001, port_env = "PORT" }

[services.agent]
type = "command"
dir = "agent"
command = "python3 agent.py"
depends_on = ["ws"]

[services.web]
type = "command"
dir = "web"
command = "python3 server.py"
port = 5173
port_env = "PORT"
depends_on = ["ws"]

[shared.jwt]
secret = true
members = ["ws:JWT_SECRET", "web:JWT_SECRET"]
"""
SLOW = """\
name = "shop"

[services.search]
type = "command"
command = "python3 server.py 5.4"
port = 3001
port_env = "PORT"
ready = { http = "/health" }

[services.api]
type = "command"
command = "python3 server.py"
port = 3002
port_env = "PORT"
depends_on = ["search"]

[services.worker]
type = "command"
command = "python3 worker.py"
depends_on = ["api"]
restart = "never"
"""
WORKER = """\
import os, time
print("worker started", flush=True)
while not os.path.exists("debug"): time.sleep(0.05)
import asyncio
try:
    asyncio.run(asyncio.start_server(print, "127.0.0.1", 9229))
except OSError as problem:
    raise SystemExit(f"ERROR:    {problem}")
"""


class Terminal:
    """A tmux server of its own with one shell in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), *self._shell()
        )
        self._tmux("set", "-g", "status", "off")

    def _shell(self) -> list[str]:
        """Started by env, so that nothing of the person's own shell shows."""
        given = (f"PATH={SEARCHED}", f"HOME={self._folder}", "PS1=$ ", "LANG=C.UTF-8", "TERM=screen-256color")
        return ["-c", str(self._folder), "env", "-i", *given, "sh"]

    def _tmux(self, *argv: str) -> str:
        command = ["tmux", "-S", str(self._folder / ".tmux"), *argv]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def type(self, *keys: str) -> None:
        """Keys as tmux names them; text is typed as it is."""
        self._tmux("send-keys", *keys)

    def until(self, text: str, times: int = 1) -> None:
        """Wait until `text` is on the screen so many times."""
        end = time.monotonic() + PATIENCE
        while self.screen().count(text) < times:
            if time.monotonic() > end:
                raise SystemExit(f"{text!r} never came:\n{self.screen()}")
            time.sleep(0.05)

    def screen(self) -> str:
        """Everything so far, long lines joined again."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-")

    def close(self) -> None:
        """End the shell and the server."""
        self._tmux("kill-server")


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_text(text)


def aside(folder: Path, *argv: str) -> str:
    """The output of a command given in another terminal."""
    done = subprocess.run(
        [*argv], cwd=folder, env={**os.environ, "PATH": SEARCHED}, capture_output=True, text=True, check=False
    )
    return f"$ {' '.join(argv)}\n{done.stdout}{done.stderr}"


def failing(folder: Path) -> list[str]:
    """One service cannot start, a shared secret changes, the service is mended."""
    env = "JWT_SECRET=%s\n"
    old, new = (env % (text * 3) for text in ("v7Qm2xL9fT4wK8", "Zr5Nc3hB6yU1eD"))
    agent = 'print("agent 1.2", flush=True)\nimport livekit\nlivekit.run()\n'
    write(
        folder, {"stack.toml": VOICE, "ws/server.py": SERVER, "web/server.py": WEB, "agent/agent.py": agent}
    )
    write(folder, {"ws/.env": old, "web/.env": old})
    terminal = Terminal(folder)
    try:
        terminal.type("devstack up", "Enter")
        terminal.until("tries again")
        first = aside(folder, "devstack", "ps")
        write(folder, {"ws/.env": new, "web/.env": new})
        terminal.until("http://localhost:5173", 2)
        write(folder, {"agent/livekit.py": "import time\ndef run():\n    time.sleep(600)\n"})
        second = aside(folder, "devstack", "restart", "agent")
        terminal.until("agent ● ready")
        terminal.type("C-c")
        terminal.until("Everything stopped")
        return [terminal.screen(), f"{first}\n{second}"]
    finally:
        terminal.close()


def crashing(folder: Path) -> list[str]:
    """A start that waits, how long it took against the last one, and a crash whose cause is known."""
    write(folder, {"stack.toml": SLOW.replace("5.4", "0.2"), "server.py": SERVER, "worker.py": WORKER})
    aside(folder, "devstack", "up", "--wait")
    aside(folder, "devstack", "down")
    write(folder, {"stack.toml": SLOW})
    terminal = Terminal(folder)
    holder = None
    try:
        terminal.type("devstack up", "Enter")
        terminal.until("The time went into")
        holder = subprocess.Popen(
            ["python3", "-m", "http.server", "9229", "--bind", "127.0.0.1"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while socket.socket().connect_ex(("127.0.0.1", 9229)):
            time.sleep(0.05)
        (folder / "debug").touch()
        terminal.until("tries again")
        logs = aside(folder, "devstack", "logs", "worker", "--grep", "ERROR")
        terminal.type("C-c")
        terminal.until("Everything stopped")
        return [terminal.screen(), logs]
    finally:
        terminal.close()
        if holder is not None:
            holder.kill()
            holder.wait()


def neutral(screens: list[str], folder: Path) -> list[str]:
    """`screens` without what only this machine has: paths, process ids."""
    text = "\0".join(screens).replace(str(folder), "~/project")
    text = re.sub(r"[\w./-]+/bin/python[\d.]*", "python3", text)
    pids = dict.fromkeys(re.findall(r"\bpid (\d+)", text))
    for number, pid in enumerate(pids, 711):
        text = re.sub(rf"\b{pid}\b", str(4 * 10 ** (len(pid) - 1) + number), text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return [re.sub(r"\n\$$", "", screen.strip("\n")) for screen in text.split("\0")]


CHAPTERS = (
    (
        "One service cannot start, and a shared secret changes",
        "`agent` needs a module that is not installed. Meanwhile somebody gives `ws` and `web` another `JWT_SECRET`, "
        "then installs the module and restarts `agent`.",
        failing,
    ),
    (
        "A start that waits, and a crash whose cause is known",
        "`search` answers 503 for a while, and `worker` crashes later because somebody holds its port.",
        crashing,
    ),
)


def main() -> int:
    """Run everything, write the page."""
    parts = [
        "# What you see",
        "Two runs as a terminal shows them, without the colours. Written by `python -m tests.what_you_see`.",
    ]
    for title, text, run in CHAPTERS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            screens = neutral(run(folder), folder)
        parts += [f"## {title}", text, *(f"```text\n{screen}\n```" for screen in screens[:1])]
        parts += ["Meanwhile, in another terminal:", *(f"```text\n{screen}\n```" for screen in screens[1:])]
    PAGE.write_text("\n\n".join(parts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
