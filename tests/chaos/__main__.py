"""Twelve services, random trouble, and afterwards nothing may be left and no line may be lost.

    python -m tests.chaos --seconds 120 --seed 7 --record trouble.jsonl
    python -m tests.chaos --replay trouble.jsonl

Leaders and members are killed and suspended, services restarted, stopped and started, env files and stack.toml
edited, ports stolen, probes left without an answer, the guard and devstack itself killed with KILL. In the end: no
process carries a tag of any of the runs, every port can be bound, the state file names nobody, and the logs have
every line that was written, once.

A seed repeats the choices, but a victim is chosen among the processes that live at that moment. A record names what
was really done: each line the pause before it, the service and which of its processes, and the last event that
devstack had told of that service. A replay waits for that event, for a few seconds at most, and does the same. What
it cannot repeat: pids, ports, and how the system interleaves devstack, services and clients between two lines.
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
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TextIO

from tests import free_ports
from tests.chaos import services
from tests.conftest import clean_environment
from tests.e2e.programs import eventually, guards, tagged, toml

Trouble = dict[str, Any]
"""One line of a record: what to `do`, after which `pause`, what was told `last` of the service, and what it needs."""
KINDS = [
    *("kill",) * 6,
    *("terminate", "edit") * 4,
    *("ask", "steal") * 3,
    *("suspend", "hang") * 2,
    *("apply", "kill_guard"),
]
PATIENCE = 3.0
GUARDS_PER_RUN = 3
"""A guard that is killed more often is given up, which is not what is tried here."""


class Chaos:
    """One stack under trouble."""

    def __init__(self, folder: Path, seed: int, record: TextIO | None = None) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.ports = [free_ports.find() for _ in range(8)]
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.names = services.write(folder, self.ports, self.notes)
        self.runs: list[str] = []
        self.killed: set[str] = set()
        self.guards_left = GUARDS_PER_RUN
        self.timers: list[threading.Timer] = []
        self.events: dict[str, int] = {}
        self.record = record
        self.last: dict[str, str] = {}
        self.missed = 0
        self.story: list[Trouble] = []
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
            told = json.loads(line)
            name = told["event"]
            self.events[name] = self.events.get(name, 0) + 1
            if "service" in told and name != "service.output":
                self.last[told["service"]] = name

    # --- trouble: chosen by chance, or read from a record ---

    def choose(self) -> Trouble:
        """What to do next, in words that mean the same in another run."""
        chance, kind = self.random, self.random.choice(KINDS)
        told: Trouble = {"do": kind, "pause": chance.random() * 0.2}
        match kind:
            case "kill" | "terminate" | "suspend":
                alive = self.processes()
                service = chance.choice(sorted(alive) or self.names)
                told |= {"service": service, "nth": chance.randrange(len(alive.get(service, [0])))}
            case "ask":
                what = chance.choice(("restart", "stop", "start", "start", "restart"))
                told |= {"words": [what, *chance.sample(self.names, chance.randint(1, 3))]}
            case "edit":
                told |= {"service": f"s{chance.randrange(8)}", "text": f"COLOR=c{chance.randrange(1000)}\n"}
                told |= {"replaces": chance.random() < 0.5}
            case "steal":
                told |= {"service": f"s{chance.randrange(len(self.ports))}"}
            case "hang":
                told |= {"service": f"s{chance.choice((0, 3, 6))}", "seconds": chance.uniform(0.5, 3)}
            case "apply":
                told |= {"extra": chance.random() < 0.5}
        return told | {"last": self.last.get(told.get("service", ""), "")}

    def perform(self, trouble: Trouble) -> None:
        """Do it, and write it down."""
        self.story.append(trouble)
        if self.record is not None:
            self.record.write(json.dumps(trouble) + "\n")
            self.record.flush()
        kind = trouble["do"]
        signals = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "suspend": signal.SIGSTOP}
        if kind in signals:
            self.hit(trouble, signals[kind])
        else:
            getattr(self, kind)(trouble)
        self.done[kind] = self.done.get(kind, 0) + 1

    def repeat(self, trouble: Trouble) -> None:
        """As it was recorded: after the same pause, once devstack has told the same of the service."""
        time.sleep(trouble["pause"])
        service, last = trouble.get("service", ""), trouble["last"]
        self.missed += not eventually(lambda: self.last.get(service, "") == last, PATIENCE)
        self.perform(trouble)

    def processes(self) -> dict[str, list[int]]:
        """Living processes by service, in the order of their starts."""
        found: dict[str, list[int]] = {}
        for pid in sorted(tagged(self.runs[-1])):
            try:
                variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            for one in variables:
                name, _, value = one.partition(b"=")
                if name == b"DEVSTACK_SERVICE":
                    found.setdefault(value.decode(), []).append(pid)
        return found

    def later(self, seconds: float, what: Any, *arguments: Any) -> None:
        self.timers = [one for one in self.timers if one.is_alive()]
        self.timers.append(threading.Timer(seconds, what, arguments))
        self.timers[-1].start()

    def resume(self, pid: int, run: str) -> None:
        if pid in tagged(run):
            os.kill(pid, signal.SIGCONT)

    def hit(self, trouble: Trouble, number: int) -> None:
        found = self.processes().get(trouble["service"], [])[trouble["nth"] :]
        with suppress(ProcessLookupError):
            for pid in found[:1]:
                os.kill(pid, number)
                if number == signal.SIGSTOP:
                    self.later(0.5, self.resume, pid, self.runs[-1])

    def ask(self, trouble: Trouble) -> None:
        self.client(*trouble["words"])

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

    def edit(self, trouble: Trouble) -> None:
        path = self.folder / trouble["service"] / ".env"
        if trouble["replaces"]:
            draft = path.with_suffix(".draft")
            draft.write_text(trouble["text"])
            draft.replace(path)
        else:
            path.write_text(trouble["text"])

    def steal(self, trouble: Trouble) -> None:
        """End a server and take its port before its next start does, for a moment."""
        self.end(trouble["service"])
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            try:
                thief.bind(("127.0.0.1", self.ports[int(trouble["service"][1:])]))
                thief.listen()
            except OSError:
                time.sleep(0.001)
            else:
                self.later(0.5, thief.close)
                return
        thief.close()

    def hang(self, trouble: Trouble) -> None:
        """A server that accepts and never answers, for a while; its next start meets that with its probe."""
        mark = self.folder / trouble["service"] / "hang"
        mark.touch()
        self.end(trouble["service"])
        self.later(trouble["seconds"], mark.unlink, True)

    def end(self, service: str) -> None:
        for pid in self.processes().get(service, ()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def apply(self, trouble: Trouble) -> None:
        """Another stack.toml, applied while everything else goes on."""
        declared = services.declaration(self.ports, self.notes, extra=trouble["extra"])
        draft = self.folder / "stack.draft"
        draft.write_text(toml(declared))
        draft.replace(self.folder / "stack.toml")
        self.client("restart", "--all")

    def kill_guard(self, trouble: Trouble) -> None:
        if self.guards_left:
            self.guards_left -= 1
            before = guards(self.process.pid)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            assert eventually(lambda: set(guards(self.process.pid)) - set(before)), "no other guard took over"

    def kill_devstack(self, trouble: Trouble) -> None:
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
        until, next_kill = time.monotonic() + seconds, time.monotonic() + seconds / 4
        while time.monotonic() < until:
            if time.monotonic() > next_kill:
                next_kill += seconds / 3
                self.perform({"do": "kill_devstack", "pause": 0.0, "last": ""})
            chosen = self.choose()
            time.sleep(chosen["pause"])
            self.perform(chosen)
            self.check()

    def replay(self, troubles: Iterable[Trouble]) -> None:
        for one in troubles:
            self.repeat(one)
            self.check()

    def check(self) -> None:
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
    parser.add_argument("--record", type=Path, help="write down what is done")
    parser.add_argument("--replay", type=Path, help="do what was written down")
    options = parser.parse_args()
    print(
        f"replay of {options.replay}" if options.replay else f"seed {options.seed}, {options.seconds:g} s",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="devstack-chaos-") as name, ExitStack() as files:
        record = files.enter_context(options.record.open("w")) if options.record else None
        chaos = Chaos(Path(name), options.seed, record)
        problem = ""
        try:
            if options.replay:
                chaos.replay(map(json.loads, options.replay.read_text().splitlines()))
            else:
                chaos.trouble(options.seconds)
        except AssertionError as error:
            problem = str(error)
            print("after:", *map(json.dumps, chaos.story[-12:]), sep="\n  ")
        wrong = chaos.finish() if chaos.process.poll() is None else []
        wrong += [problem] if problem else []
        if wrong:
            print((Path(name) / "errors.log").read_text()[-3000:])
    if options.replay:
        print(f"of {len(chaos.story)} lines {chaos.missed} came at another moment of their service")
    return tell(chaos, wrong)


def tell(chaos: Chaos, wrong: list[str]) -> int:
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
