"""`up` meets held ports: what it refuses, what it frees with consent, what it says."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.host import process_facts
from devstack.host.listening import is_bindable
from devstack.host.model import ProcessId
from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.port_programs import Processes, hold, record_run

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
Tree = Callable[[Mapping[str, str | bytes]], Path]

STACK = """
[services.ws]
type = "python"
port = {main}
port_env = "PORT"
command = "python3 server.py"
[services.ws.ports]
inspector = {inspector}
"""
SERVER = """
import http.server, os
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def ports(free_port: Callable[[], int]) -> dict[str, int]:
    return {"main": free_port(), "inspector": free_port()}


@pytest.fixture
def root(tree: Tree, ports: dict[str, int]) -> Path:
    return tree({"stack.toml": STACK.format(**ports), "server.py": SERVER, ".git/HEAD": ""})


def test_a_foreign_holder_is_refused_with_the_exact_command(
    root: Path,
    ports: dict[str, int],
    devstack: Callable[..., Outcome],
    spawned: Processes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["main"]), cwd=tmp_path_factory.mktemp("elsewhere"))
    done = devstack("up", "--yes", cwd=root)
    assert done.code == 3
    assert f"port {ports['main']} (ws) is held by pid {process.pid}" in done.err
    assert f"devstack ports --kill {ports['main']} --force" in done.err
    assert process.poll() is None


def test_a_further_role_counts_like_the_main_port(
    root: Path,
    ports: dict[str, int],
    devstack: Callable[..., Outcome],
    spawned: Processes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    hold(spawned, ("127.0.0.1", ports["inspector"]), cwd=tmp_path_factory.mktemp("elsewhere"))
    done = devstack("up", "--yes", cwd=root)
    assert done.code == 3
    assert f"port {ports['inspector']} (ws inspector)" in done.err


def test_a_dev_server_of_this_repository_is_only_stopped_with_consent(
    root: Path, ports: dict[str, int], devstack: Callable[..., Outcome], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["main"]), cwd=root)
    done = devstack("up", cwd=root)
    assert done.code == 3
    assert "`devstack up --yes` frees it" in done.err
    assert done.err.count(f"port {ports['main']} (ws) is held by") == 1
    assert process.poll() is None


def test_with_consent_it_is_freed_and_the_stack_starts(
    root: Path, ports: dict[str, int], up: Callable[..., Run], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["main"]), cwd=root)
    run = up("--yes", cwd=root)
    freed = run.until("port.freed")
    assert (freed["port"], freed["pid"]) == (ports["main"], process.pid)
    run.until("run.ready")
    assert process.wait() == -signal.SIGTERM
    assert run.interrupt() == 130
    assert is_bindable(ports["main"])


def test_a_leftover_of_our_dead_run_is_stopped_with_consent(
    root: Path,
    ports: dict[str, int],
    up: Callable[..., Run],
    spawned: Processes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["main"]), cwd=tmp_path_factory.mktemp("elsewhere"))
    gone = ProcessId(pid=2**22 - 1, started_at=1.0)
    record_run(root, process, ports=(ports["main"],), supervisor=gone)
    run = up("--yes", cwd=root)
    run.until("run.ready")
    assert process.wait() == -signal.SIGTERM


def test_two_runs_of_one_checkout_do_not_free_each_others_ports(
    root: Path, ports: dict[str, int], up: Callable[..., Run], devstack: Callable[..., Outcome]
) -> None:
    run = up("--yes", cwd=root)
    service = run.until("service.started", service="ws")["pid"]
    run.until("run.ready")
    assert devstack("up", "--yes", cwd=root).code == 5
    done = devstack("ports", "--kill", "ws.main", "--yes", "--force", cwd=root)
    assert done.code == 5
    assert "devstack stop ws" in done.out
    place = process_facts.kin(service)
    assert place is not None
    assert process_facts.is_alive(place.id)
