"""Twelve services, random trouble, and afterwards nothing may be left and no line may be lost.

    python -m tests.chaos --seconds 120 --seed 7

Leaders and members are killed and suspended, services restarted, stopped and started, env files and stack.toml
edited, ports stolen, probes left without an answer, the guard and devstack itself killed with KILL. In the end: no
process carries a tag of any of the runs, every port can be bound, the state file names nobody, and the logs have
every line that was written, once. The seed is printed; the same seed repeats the same choices.
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

from tests.chaos import services
from tests.conftest import clean_environment
from tests.e2e.programs import eventually, guards, tagged, toml

GUARDS_PER_RUN = 3
"""A guard that is killed more often is given up, which is not what is tried here."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Chaos:
    """One stack under trouble."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.ports = free_ports(8)
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.names = services.write(folder, self.ports, self.notes)
        self.runs: list[str] = []
        self.killed: set[str] = set()
        self.guards_left = GUARDS_PER_RUN
        self.timers: list[threading.Timer] = []
        self.events: dict[str, int] = {}
        self.story: list[str] = []
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
            self.later(0.5, self.resume, pid, self.runs[-1])

    def later(self, seconds: float, what: Any, *arguments: Any) -> None:
        self.timers = [one for one in self.timers if one.is_alive()]
        self.timers.append(threading.Timer(seconds, what, arguments))
        self.timers[-1].start()

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
        self.client(what, *names)

    def client(self, *words: str) -> None:
        self.clients = [one for one in self.clients if one.poll() is None]
        if len(self.clients) < 3:
            self.clients.append(
                subprocess.Popen(
                    [sys.executable, "-m", "devstack", *words],
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
        """End a server and take its port before its next start does, for a moment."""
        number = self.random.randrange(len(self.ports))
        self.end(f"s{number}")
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            try:
                thief.bind(("127.0.0.1", self.ports[number]))
                thief.listen()
            except OSError:
                time.sleep(0.001)
            else:
                self.later(0.5, thief.close)
                return
        thief.close()

    def hang(self) -> None:
        """A server that accepts and never answers, for a while; its next start meets that with its probe."""
        name = f"s{self.random.choice((0, 3, 6))}"
        mark = self.folder / name / "hang"
        mark.touch()
        self.end(name)
        self.later(self.random.uniform(0.5, 3), mark.unlink, True)

    def end(self, service: str) -> None:
        tag = f"DEVSTACK_SERVICE={service}\0".encode()
        for pid in tagged(self.runs[-1]):
            try:
                if tag in Path(f"/proc/{pid}/environ").read_bytes() + b"\0":
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                continue

    def apply(self) -> None:
        """Another stack.toml, applied while everything else goes on."""
        declared = services.declaration(self.ports, self.notes, extra=self.random.random() < 0.5)
        draft = self.folder / "stack.draft"
        draft.write_text(toml(declared))
        draft.replace(self.folder / "stack.toml")
        self.client("restart", "--all")

    def kill_guard(self) -> None:
        if self.guards_left:
            self.guards_left -= 1
            before = guards(self.process.pid)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            assert eventually(lambda: set(guards(self.process.pid)) - set(before)), "no other guard took over"

    def kill_devstack(self) -> None:
        for timer in self.timers:
            timer.join()
        run = self.runs[-1]
        self.killed.add(run)
        self.process.kill()
        self.process.wait()
        began = time.monotonic()
        assert eventually(lambda: not tagged(run), timeout=15), f"left after kill -9: {tagged(run)}"
        print(f"  kill -9 of devstack: everything gone after {time.monotonic() - began:.2f} s", flush=True)
        self.guards_left = GUARDS_PER_RUN
        self.process = self.up()

    def trouble(self, seconds: float) -> None:
        kinds = [self.kill_one] * 6 + [self.terminate_one] * 4 + [self.suspend_one] * 2 + [self.ask] * 3
        kinds += [self.edit] * 4 + [self.steal] * 3 + [self.hang] * 2 + [self.apply, self.kill_guard]
        until, next_kill = time.monotonic() + seconds, time.monotonic() + seconds / 4
        while time.monotonic() < until:
            if time.monotonic() > next_kill:
                next_kill += seconds / 3
                self.kill_devstack()
            kind = self.random.choice(kinds)
            self.story.append(kind.__name__)
            kind()
            self.done[kind.__name__] = self.done.get(kind.__name__, 0) + 1
            time.sleep(self.random.random() * 0.2)
            assert self.process.poll() is None, f"devstack ended by itself with {self.process.returncode}"

    def finish(self) -> list[str]:
        """End it in order; what is wrong afterwards."""
        for one in self.clients:
            one.kill()
            one.wait()
        for timer in self.timers:
            timer.join()
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return [f"devstack did not end within 60 s after Ctrl-C; left: {tagged(self.runs[-1])}"]
        wrong = [] if code in (130, 4) else [f"exit code {code}"]
        eventually(lambda: not any(tagged(run) for run in self.runs), 3)
        wrong += [f"run {run} left {tagged(run)}" for run in self.runs if tagged(run)]
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
        lines, lost = services.lost_lines(self.folder / ".devstack/logs", self.notes, self.killed)
        print(f"log lines checked: {lines}", flush=True)
        return wrong + lost[:10]


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
            print("after:", ", ".join(chaos.story[-12:]))
        wrong = chaos.finish() if chaos.process.poll() is None else []
        wrong += [problem] if problem else []
        if wrong:
            print((Path(name) / "errors.log").read_text()[-3000:])
    print("trouble:", ", ".join(f"{name} {count}" for name, count in sorted(chaos.done.items())))
    total = sum(count for name, count in chaos.events.items() if name != "service.output")
    print(f"events: {total} in {len(chaos.runs)} runs")
    print(
        "afterwards: "
        + ("; ".join(wrong) if wrong else "no process, every port free, state file empty, no line lost")
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
