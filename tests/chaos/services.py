"""The twelve services of the chaos stack, and what they leave behind to be checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.programs import ESCAPED, PYTHON, STUBBORN, toml

# Writes numbered lines all the time and notes, once a line is in the pipe, that it is. Answers HTTP on PORT, but
# not at all while the file `hang` exists: then it accepts and keeps silent.
COUNTING_SERVER = """
import os, select, socket, time
run, pid, number, silent = os.environ["DEVSTACK_RUN"], os.getpid(), 0, []
notes = os.open(os.path.join(os.environ["NOTES"], "%s.%s.%d" % (os.environ["DEVSTACK_SERVICE"], run, pid)),
                os.O_WRONLY | os.O_CREAT, 0o600)
door = socket.socket()
door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if os.environ.get("PORT"):
    door.bind(("127.0.0.1", int(os.environ["PORT"])))
    door.listen()
while True:
    number += 1
    os.write(1, b"line %s %d %d of %s\\n" % (run.encode(), pid, number, os.environ.get("COLOR", "").encode()))
    os.pwrite(notes, b"%12d" % number, 0)
    if not os.environ.get("PORT"):
        time.sleep(0.01)
    elif select.select([door], [], [], 0.01)[0]:
        client = door.accept()[0]
        if os.path.exists("hang"):
            silent.append(client)
            continue
        client.settimeout(0.5)
        try:
            if client.recv(4096):
                client.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        except OSError:
            pass
        client.close()
"""
FORKING = "echo up; while :; do (sleep 600 &) ; sleep 0.2; done"
LINE = re.compile(rb"^line (\w+) (\d+) (\d+) of ", re.MULTILINE)
RESTART = {"policy": "always", "max": 1000, "backoff": "50ms..200ms"}


def declaration(ports: list[int], notes: Path, *, extra: bool = False) -> dict[str, dict[str, object]]:
    """Eight servers in a graph, one stubborn, one that escapes, one that forks, one with a command as its gate."""
    services: dict[str, dict[str, object]] = {}
    for number, port in enumerate(ports):
        services[f"s{number}"] = {
            "command": f"NOTES={notes} {PYTHON} -IS ../server.py",
            "dir": f"s{number}",
            "port": port,
            "restart": RESTART,
            "stop": {"grace": "1s"},
        }
        if number >= 2:
            services[f"s{number}"]["depends_on"] = [f"s{number - 2}"]
        if number % 3 == 0:
            services[f"s{number}"]["ready"] = {"http": "/", "within": "30s"}
    for name in ("stubborn", "escaped"):
        services[name] = {"command": f"{PYTHON} -u {name}.py", "restart": RESTART, "stop": {"grace": "300ms"}}
    services["forking"] = {"command": "sh forking.sh", "restart": RESTART, "stop": {"grace": "300ms"}}
    services["looks"] = {
        "command": f"NOTES={notes} {PYTHON} -IS server.py",
        "restart": RESTART,
        "ready": {"command": "true"},
    }
    if extra:
        services["extra"] = {"command": "sleep 1000", "restart": RESTART, "depends_on": ["s1"]}
    return services


def write(folder: Path, ports: list[int], notes: Path) -> list[str]:
    """The stack in `folder`; its services' names."""
    for number in range(len(ports)):
        (folder / f"s{number}").mkdir()
        (folder / f"s{number}" / ".env").write_text("COLOR=red\n")
    programs = {"server.py": COUNTING_SERVER, "stubborn.py": STUBBORN, "escaped.py": ESCAPED}
    for name, text in {**programs, "forking.sh": FORKING}.items():
        (folder / name).write_text(text)
    services = declaration(ports, notes)
    (folder / "stack.toml").write_text(toml(services))
    return list(services)


def lost_lines(logs: Path, notes: Path, killed: Iterable[str]) -> tuple[int, list[str]]:
    """How many numbered lines are in the logs, and what is wrong with them.

    Of every process each line is there once and in order, up to the last one it noted; where the run was killed
    with KILL, up to some line.
    """
    found: dict[tuple[str, int], list[int]] = {}
    for path in sorted(logs.glob("*.log*")):
        if path.name.endswith(".index"):
            continue
        for run, pid, number in LINE.findall(path.read_bytes()):
            found.setdefault((run.decode(), int(pid)), []).append(int(number))
    wrong = []
    for path in notes.iterdir():
        service, run, pid = path.name.split(".")
        noted = int(path.read_text() or 0)
        numbers = found.pop((run, int(pid)), [])
        whole = list(range(1, len(numbers) + 1))
        if numbers != whole:
            wrong.append(f"{service} (pid {pid}): {_first_gap(numbers)}")
        elif run not in killed and len(numbers) < noted:
            wrong.append(
                f"{service} (pid {pid}): {noted - len(numbers)} of {noted} lines are missing at the end"
            )
    return _count(logs), wrong


def _count(logs: Path) -> int:
    return sum(
        len(LINE.findall(path.read_bytes())) for path in logs.glob("*.log*") if path.suffix != ".index"
    )


def _first_gap(numbers: list[int]) -> str:
    place = next(place for place, number in enumerate(numbers) if number != place + 1)
    return f"line {numbers[place]} follows line {numbers[place - 1] if place else 0}"
