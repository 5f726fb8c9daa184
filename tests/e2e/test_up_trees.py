"""What people really start, and what tries to get away: however a run or a service ends, nothing of it is left."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import NODE_MODULES, Outcome
from tests.e2e.conftest import Run
from tests.e2e.programs import (
    PYTHON,
    SERVER,
    below,
    can_bind,
    command_line,
    eventually,
    guards,
    living,
    tagged,
    toml,
    with_modules,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Command = Callable[..., Outcome]
Port = Callable[[], int]

NODE = "require('http').createServer((q, s) => s.end('hi')).listen(process.env.PORT, '127.0.0.1')\n"
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hi"})
"""
# Forks twice with a new session between, clears its environment, closes all it inherited; nobody sees it before.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        os.execve(sys.executable, [sys.executable, "-ISc", "import time; time.sleep(1000)"], {})
    os._exit(0)
os.wait()
time.sleep(1000)
"""
AWAY = 'sh -c "exec sleep 1000" >/dev/null 2>&1'
PACKAGE = '{"private": true, "scripts": {"dev": "node server.js"}}'
WITH_PORT = {
    "uvicorn": f"{PYTHON} -m uvicorn app:app --reload --port $PORT",
    "shells": f"sh -c 'sh -c \"{PYTHON} server.py; true\"; true'",
    "background": f"sleep 1000 & sleep 1000 & {PYTHON} server.py",
    "waiting-setsid": f"setsid --wait {PYTHON} server.py",
}
WITHOUT_PORT = {
    "daemon": f"{PYTHON} -IS daemon.py",
    "setsid": f"setsid {AWAY} & exec sleep 1000",
    "env-i": f"env -i {shutil.which('setsid')} {AWAY} & exec sleep 1000",
}
WITH_NODE = {
    "npm": ("npm run dev", "dotenv17"),
    "nodemon": ("node node_modules/nodemon/bin/nodemon.js server.js", "nodemon"),
    "npx": ("npx --no-install nodemon server.js", "nodemon"),
    "vite": (None, "vite"),
    "next": (None, "next"),
}
PAGES = {
    "vite": {
        "package.json": '{"private": true, "type": "module", "scripts": {"dev": "vite"}}',
        "index.html": "hi",
    },
    "next": {
        "package.json": '{"private": true, "scripts": {"dev": "next dev --webpack"}}',
        "pages/index.js": "export default function Page() { return 'hi' }\n",
    },
}


class Stack:
    """All of them in one stack, each in a folder of its own; what runs in a folder belongs to that service."""

    def __init__(self, tree: Tree, up: Up, free_port: Port) -> None:
        services: dict[str, dict[str, object]] = {}
        for name, command in {**WITH_PORT, **WITHOUT_PORT}.items():
            services[name] = {"command": command}
        for name, (node_command, package) in WITH_NODE.items():
            if shutil.which("npx") is not None and (NODE_MODULES / package).exists():
                services[name] = {"command": node_command} if node_command else {"type": name}
        for name, one in services.items():
            one["dir"] = name
            if name not in WITHOUT_PORT:
                one["port"] = free_port()
                one["ready"] = {"tcp": True}
        self.ports = [one["port"] for one in services.values() if "port" in one]
        self.names = list(services)
        files = {"stack.toml": toml(services)}
        for name in services:
            mine = {"package.json": PACKAGE, "server.js": NODE, "server.py": SERVER, "app.py": ASGI}
            mine = PAGES.get(name, {**mine, "daemon.py": DAEMON})
            files |= {f"{name}/{path}": text for path, text in mine.items()}
        self.folder = tree(files)
        for name in services:
            if name in WITH_NODE:
                with_modules(self.folder / name)
        self.run = up("--no-doctor", cwd=self.folder, env={"NEXT_TELEMETRY_DISABLED": "1"})
        self.run.until("run.ready")
        self.pid = self.run.process.pid

    def of(self, service: str) -> dict[int, str]:
        """Living processes of `service`."""
        found = {}
        for pid, start in below(self.pid).items():
            try:
                where = Path(f"/proc/{pid}/cwd").readlink()
            except OSError:
                continue
            if where.is_relative_to(self.folder / service):
                found[pid] = start
        return found

    def is_gone(self, processes: Mapping[int, str]) -> bool:
        """Whether nothing lives of these, nor anything else of the run, and every port is free."""
        return (
            not living(processes) and not tagged(self.run.events[0]["run"]) and all(map(can_bind, self.ports))
        )


@pytest.fixture
def stack(tree: Tree, up: Up, free_port: Port) -> Stack:
    return Stack(tree, up, free_port)


def test_a_stopped_service_leaves_nothing_and_the_others_stay(stack: Stack, devstack: Command) -> None:
    pids = {one["service"]: one["pid"] for one in stack.run.events if one["event"] == "service.started"}
    for at, name in enumerate(stack.names):
        own, alive = stack.of(name), below(stack.pid)
        # Those they were started as; what these start and end meanwhile is their own affair.
        others = {pid: alive[pid] for pid in (pids[other] for other in stack.names[at + 1 :])}
        assert own, name
        assert devstack("stop", name, cwd=stack.folder).code == 0
        assert living(own) == {}, name
        assert living(others).keys() == others.keys(), name
    assert living(below(stack.pid)) == {}


def test_restarted_services_leave_nothing_of_what_ran_before(stack: Stack, devstack: Command) -> None:
    before = below(stack.pid)
    counts = {name: len(stack.of(name)) for name in WITHOUT_PORT}
    assert devstack("restart", *stack.names, cwd=stack.folder).code == 0
    assert living(before) == {}
    assert eventually(lambda: {name: len(stack.of(name)) for name in WITHOUT_PORT} == counts)
    assert devstack("down", cwd=stack.folder).code == 0
    assert stack.is_gone(before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_devstack_ends_every_tree_before_it_returns(stack: Stack, number: int) -> None:
    before = below(stack.pid)
    assert stack.run.end(number) in (130, 143)
    assert stack.is_gone(before), living(before)


def test_after_kill_9_of_devstack_nothing_is_left(stack: Stack) -> None:
    before = below(stack.pid)
    stack.run.process.kill()
    stack.run.wait()
    assert eventually(lambda: stack.is_gone(before)), living(before)


@pytest.mark.parametrize("first", ["devstack", "guard"])
def test_after_kill_9_of_devstack_and_of_its_guard_nothing_is_left(stack: Stack, first: str) -> None:
    before = below(stack.pid)
    (guard,) = guards(stack.pid)
    for pid in (stack.pid, guard) if first == "devstack" else (guard, stack.pid):
        os.kill(pid, signal.SIGKILL)
    stack.run.wait()
    assert eventually(lambda: stack.is_gone(before)), living(before)


def test_a_restart_of_a_shell_with_helpers_leaves_none_of_the_first_ones(
    tree: Tree, up: Up, free_port: Port
) -> None:
    services = {"a": {"command": WITH_PORT["background"], "port": free_port()}}
    run = up("--no-doctor", cwd=tree({"stack.toml": toml(services), "server.py": SERVER}))
    run.until("service.ready", service="a")
    (server,) = [
        pid
        for pid in tagged(run.events[0]["run"])
        if command_line(pid).startswith(os.fsencode(sys.executable))
    ]
    os.kill(server, signal.SIGKILL)
    run.until("service.exited", service="a")
    run.until("service.ready", service="a")
    assert eventually(
        lambda: len(tagged(run.events[0]["run"])) == 4
    )  # the shell, two sleepers and the server, once
    assert run.interrupt() == 130
