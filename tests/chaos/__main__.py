"""Twelve services, random trouble, and afterwards nothing may be left.

    python -m tests.chaos --seconds 120 --seed 7

Leaders and members are killed and suspended, services restarted, stopped and started, env files edited, ports
stolen, devstack itself killed with KILL. In the end: no process carries a tag of any of the runs, every port can
be bound, the state file names nobody. The seed is printed; the same seed repeats the same choices.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.conftest import clean_environment
from tests.e2e.programs import ESCAPED, SERVER, STUBBORN, eventually, python, tagged, toml

FORKING = "echo up; while :; do (sleep 600 &) ; sleep 0.2; done"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def write_stack(folder: Path, ports: list[int]) -> list[str]:
    """Twelve services: eight servers in a graph, one stubborn, one that escapes, one that forks, one external."""
    restart = {"policy": "always", "max": 1000, "backoff": "50ms..200ms"}
    services: dict[str, dict[str, object]] = {}
    for number, port in enumerate(ports):
        name = f"s{number}"
        services[name] = {
            "command": python("../server.py"),
            "dir": name,
            "port": port,
            "restart": restart,
            "stop": {"grace": "1s"},
        }
        if number >= 2:
            services[name]["depends_on"] = [f"s{number - 2}"]
        if number % 3 == 0:
            services[name]["ready"] = {"http": "/", "within": "30s"}
        (folder / name).mkdir()
        (folder / name / ".env").write_text("COLOR=red\n")
    for name, program in (("stubborn", STUBBORN), ("escaped", ESCAPED)):
        (folder / f"{name}.py").write_text(program)
        services[name] = {"command": python(f"{name}.py"), "restart": restart, "stop": {"grace": "300ms"}}
    (folder / "forking.sh").write_text(FORKING)
    services["forking"] = {"command": "sh forking.sh", "restart": restart, "stop": {"grace": "300ms"}}
    services["looks"] = {"command": "sleep 1000", "restart": restart, "ready": {"command": "true"}}
    (folder / "server.py").write_text(SERVER)
    (folder / "stack.toml").write_text(toml(services))
    return list(services)


class Chaos:
    """One stack under trouble."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.ports = free_ports(8)
        self.names = write_stack(folder, self.ports)
        self.runs: list[str] = []
        self.events: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.clients: list[subprocess.Popen[bytes]] = []
        self.process = self.up()

    def up(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack", "up", "--json", "--yes", "--no-doctor"],
            cwd=self.folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "errors.log").open("ab"),
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError("up did not start: " + (self.folder / "errors.log").read_text()[-2000:])
        self.runs.append(json.loads(line)["run"])
        threading.Thread(target=self.read, args=(process.stdout,), daemon=True).start()
        return process

    def read(self, stream: Any) -> None:
        for line in stream:
            name = json.loads(line)["event"]
            self.events[name] = self.events.get(name, 0) + 1

    # --- trouble ---

    def kill_one(self) -> None:
        self.hit(signal.SIGKILL)

    def terminate_one(self) -> None:
        self.hit(signal.SIGTERM)

    def suspend_one(self) -> None:
        pid = self.hit(signal.SIGSTOP)
        if pid is not None:
            threading.Timer(0.5, self.resume, [pid, self.runs[-1]]).start()

    def resume(self, pid: int, run: str) -> None:
        if pid in tagged(run):
            os.kill(pid, signal.SIGCONT)

    def hit(self, number: int) -> int | None:
        victims = tagged(self.runs[-1])
        if not victims:
            return None
        pid = self.random.choice(victims)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return None
        return pid

    def ask(self) -> None:
        what = self.random.choice(("restart", "stop", "start", "start", "restart"))
        names = self.random.sample(self.names, self.random.randint(1, 3))
        self.clients = [one for one in self.clients if one.poll() is None]
        if len(self.clients) < 3:
            self.clients.append(
                subprocess.Popen(
                    [sys.executable, "-m", "devstack", what, *names],
                    cwd=self.folder,
                    env=clean_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

    def edit(self) -> None:
        path = self.folder / f"s{self.random.randrange(8)}" / ".env"
        text = f"COLOR=c{self.random.randrange(1000)}\n"
        if self.random.random() < 0.5:
            draft = path.with_suffix(".draft")
            draft.write_text(text)
            draft.replace(path)
        else:
            path.write_text(text)

    def steal(self) -> None:
        """Take a port for a moment, if it is free just now."""
        thief = socket.socket()
        try:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind(("127.0.0.1", self.random.choice(self.ports)))
            thief.listen()
        except OSError:
            thief.close()
            return
        threading.Timer(0.5, thief.close).start()

    def kill_devstack(self) -> None:
        self.process.kill()
        self.process.wait()
        run = self.runs[-1]
        began = time.monotonic()
        assert eventually(lambda: not tagged(run), timeout=15), f"left after kill -9: {tagged(run)}"
        print(f"  kill -9 of devstack: everything gone after {time.monotonic() - began:.2f} s", flush=True)
        self.process = self.up()

    def trouble(self, seconds: float) -> None:
        kinds = [self.kill_one] * 6 + [self.terminate_one] * 4 + [self.suspend_one] * 2 + [self.ask] * 3
        kinds += [self.edit] * 4 + [self.steal] * 3
        until, next_kill = time.monotonic() + seconds, time.monotonic() + seconds / 4
        while time.monotonic() < until:
            if time.monotonic() > next_kill:
                next_kill += seconds / 3
                self.kill_devstack()
            kind = self.random.choice(kinds)
            kind()
            self.done[kind.__name__] = self.done.get(kind.__name__, 0) + 1
            time.sleep(self.random.random() * 0.2)
            assert self.process.poll() is None, f"devstack ended by itself with {self.process.returncode}"

    def finish(self) -> list[str]:
        """End it in order; what is wrong afterwards."""
        for one in self.clients:
            one.kill()
            one.wait()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        wrong = [] if code == 130 else [f"exit code {code}"]
        eventually(lambda: not any(tagged(run) for run in self.runs), 3)
        wrong += [f"run {run} left {tagged(run)}" for run in self.runs if tagged(run)]
        time.sleep(0.6)  # thieves give back what they took
        for port in self.ports:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    wrong.append(f"port {port} cannot be bound")
        state = json.loads((self.folder / ".devstack/state.json").read_text())
        if state["services"]:
            wrong.append(f"the state file still names {sorted(state['services'])}")
        return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:g} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="devstack-chaos-") as name:
        chaos = Chaos(Path(name), options.seed)
        problem = ""
        try:
            chaos.trouble(options.seconds)
        except AssertionError as error:
            problem = str(error)
        wrong = chaos.finish() if chaos.process.poll() is None else []
        wrong += [problem] if problem else []
        if wrong:
            print((Path(name) / "errors.log").read_text()[-3000:])
    print("trouble:", ", ".join(f"{name} {count}" for name, count in sorted(chaos.done.items())))
    total = sum(count for name, count in chaos.events.items() if name != "service.output")
    print(f"events: {total} in {len(chaos.runs)} runs")
    print("afterwards: " + ("; ".join(wrong) if wrong else "no process, every port free, state file empty"))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
