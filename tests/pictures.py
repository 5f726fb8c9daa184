"""Makes the pictures of the README from real runs of the demo: `python -m tests.pictures`.

Needs the demo's parts installed (`make up` once); uses the ports that stack.toml declares.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
WIDTH = 104


def checkout(folder: Path) -> Path:
    """The demo with installed parts and one secret in both env files."""
    for name in ("stack.toml", "Procfile.dev"):
        shutil.copy(ROOT / name, folder / name)
    theirs = shutil.ignore_patterns(".env", ".env.local")  # of somebody's own start: they would win
    shutil.copytree(ROOT / "examples", folder / "examples", symlinks=True, ignore=theirs)
    value = secrets.token_urlsafe(32)
    for service in ("server", "agent", "web"):
        home = folder / "examples" / "voice" / service
        text = (home / ".env.example").read_text()
        (home / ".env").write_text(text.replace("JWT_SECRET=", f"JWT_SECRET={value}"))
        (home / ".env").chmod(0o600)
    return folder


def colourful() -> dict[str, str]:
    """An environment in which devstack shows colours although nobody looks."""
    bin_folder = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "FORCE_COLOR": "1",
        "COLUMNS": str(WIDTH),
        "NPM_CONFIG_USERCONFIG": os.devnull,  # whose warnings are of this machine, not of the demo
    }


def run_up(folder: Path) -> str:
    """The screen of a start, until everything is ready, and of an orderly stop."""
    process = subprocess.Popen(
        ["devstack", "up", "--yes"],
        cwd=folder,
        env=colourful(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if "The time went into" in line:
            process.send_signal(signal.SIGINT)
    process.wait(30)
    return "".join(lines)


def change(folder: Path, service: str, pattern: str, text: str) -> None:
    """Change one line of a service's env file."""
    path = folder / "examples" / "voice" / service / ".env"
    path.write_text(re.sub(rf"(?m)^{pattern}", text, path.read_text()))


def run(folder: Path, *argv: str) -> str:
    """The screen of a command that ends by itself."""
    done = subprocess.run(["devstack", *argv], cwd=folder, env=colourful(), capture_output=True, text=True)
    return done.stdout


def run_ws(folder: Path) -> str:
    """The running server is asked with a token that the agent's new secret signs."""
    run(folder, "up", "--wait", "--yes", "server")
    try:
        change(folder, "agent", "JWT_SECRET=", "JWT_SECRET=old-")
        return run(folder, "ws", "server")
    finally:
        run(folder, "down")


def run_doctor(folder: Path) -> str:
    """Doctor on the demo, which by now is broken in two ways."""
    change(folder, "web", "VITE_WEBSOCKET_URL=.*$", "VITE_WEBSOCKET_URL=wss://localhost:3001/ws")
    return run(folder, "doctor")


def draw(name: str, command: str, screen: str) -> None:
    """Write docs/pictures/NAME.svg, without the web font that rich would load."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.assemble(("$ ", "green"), (command, "bold")))
    console.print(Text.from_ansi(screen.rstrip()))
    svg = console.export_svg(title=command)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(svg.replace("Fira Code", "monospace"))


def main() -> int:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = checkout(Path(name).resolve())
        draw("up", "devstack up", run_up(folder))
        draw("ws", "devstack ws server", run_ws(folder))
        draw("doctor", "devstack doctor", run_doctor(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
