"""Small real programs that hold ports, for the tests of everything about ports.

Each says `ready` once it listens and ends when its standard input closes, so none outlives its test.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devstack.host import process_facts, state_file
from devstack.host.model import ProcessId
from devstack.host.private_folder import PrivateFolder
from devstack.host.state_file import RunRecord, ServiceRecord
from tests.conftest import Outcome, clean_environment

Processes = list[subprocess.Popen[bytes]]
Address = tuple[str, int]

# Listens where it is told; options: ignore_term, reuse_port, backlog, share (fork a child that inherits the
# socket), echo (accept and send back), bind_only, uid (become this user after listening).
HOLDER = r"""
import json, os, signal, socket, sys, threading
spec = json.loads(sys.argv[1])
if spec.get("ignore_term"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
sockets = []
for host, port in spec["addresses"]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    if not spec.get("no_reuse"):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if spec.get("reuse_port"):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not spec.get("dual_stack")))
    one.bind((host, port))
    if not spec.get("bind_only"):
        one.listen(spec.get("backlog", 16))
    sockets.append(one)
if spec.get("uid"):
    os.setuid(spec["uid"])
def serve(one):
    while True:
        connection, _ = one.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()
def answer(connection):
    while data := connection.recv(4096):
        connection.sendall(data)
if spec.get("echo"):
    for one in sockets:
        threading.Thread(target=serve, args=(one,), daemon=True).start()
if spec.get("share"):
    child = os.fork()
    if child:
        print("child", child, flush=True)
print("ready", flush=True)
sys.stdin.read()
"""


def hold(
    spawned: Processes,
    *addresses: Address,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    **options: object,
) -> subprocess.Popen[bytes]:
    """Start a process that listens on `addresses`; returns once it does."""
    spec = json.dumps({"addresses": addresses, **options})
    return start(spawned, [*prefix, sys.executable, "-c", HOLDER, spec], cwd=cwd, env=env)


def start(
    spawned: Processes,
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    session: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program that says `ready`; returns once it did."""
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=clean_environment(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=session,
    )
    spawned.append(process)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == b"ready":
            return process
    raise AssertionError(f"{argv[0]} ended with {process.wait()} before it was ready")


def has_ipv6() -> bool:
    """Whether ::1 can be bound here."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def is_root() -> bool:
    """Whether other users can be imitated."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def record_run(
    stack: Path,
    process: subprocess.Popen[bytes],
    *,
    ports: tuple[int, ...],
    supervisor: ProcessId | None = None,
) -> None:
    """Write the state file of a run that started `process` as service `ws`."""
    place = process_facts.kin(process.pid)
    assert place is not None
    folder = PrivateFolder.beside(stack)
    folder.create()
    gone = ProcessId(pid=2**22 - 1, started_at=1.0)
    state_file.save(
        folder,
        RunRecord(
            run="run-1",
            boot=state_file.boot_id(),
            supervisor=supervisor or gone,
            services={"ws": ServiceRecord(id=place.id, ports=ports)},
        ),
    )


def parsed(outcome: Outcome) -> dict[str, Any]:
    """The one JSON object on standard output."""
    found = json.loads(outcome.out)
    assert isinstance(found, dict)
    return found
