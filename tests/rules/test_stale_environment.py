"""A running process against what its files give now; the machine's answers are given by a fake host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devstack.host.model import Holder, HolderClass
from devstack.host.status import PortStatus
from devstack.rules import stale_environment
from devstack.rules.base import Finding, Severity
from devstack.rules.inspection import Inspection
from devstack.rules.machine import RealHost
from tests.e2e.programs import eventually

STACK = """\
name = "one"
[services.ws]
type = "python"
dir = "ws"
command = "python main.py"
port = 3001
[doctor]
required = { ws = ["JWT_SECRET"] }
"""
OLD, NEW = "kT9wXqL2mZpR7vNc4tYb8sHd3fGj6aEu", "b7Qm2Xr9Lk4Wp6Tz1Vn8Cy5Hd3Fs0Gj7"


@dataclass
class Machine(RealHost):
    """One process on port 3001: whose it is, when it started, and with which variables."""

    started: Mapping[str, str] = field(default_factory=dict)
    started_at: float = 1_000_000_000.0
    holder_class: HolderClass = HolderClass.OURS

    def ports(self, numbers: Sequence[int], root: Path) -> Sequence[PortStatus]:
        holder = Holder(
            pid=4242,
            started_at=self.started_at,
            command="python main.py",
            user="me",
            cwd=str(root),
            address="127.0.0.1",
            holder_class=self.holder_class,
        )
        return [PortStatus(port=number, state="ours", holders=(holder,)) for number in numbers]  # type: ignore[arg-type]

    def started_with(self, pid: int, names: Sequence[str]) -> Mapping[str, str]:
        return {name: text for name, text in self.started.items() if name in names}


Look = Callable[[Machine], list[Finding]]


@pytest.fixture
def look(inspected: Callable[..., Inspection], tmp_path: Path) -> Look:
    def run(machine: Machine) -> list[Finding]:
        files = {
            "stack.toml": STACK,
            "ws/.env": f"JWT_SECRET={NEW}\n",
            "ws/main.py": "import os\nfrom dotenv import load_dotenv\nload_dotenv()\ns = os.environ['JWT_SECRET']\n",
        }
        inspection = inspected(files)
        inspection.host = machine
        return list(stale_environment.check(inspection))

    return run


def test_another_value_at_start_is_an_error_with_both_fingerprints(look: Look) -> None:
    (found,) = look(Machine(started={"JWT_SECRET": OLD}))
    assert found.severity is Severity.ERROR
    assert found.message.count("hmac:") == 2
    assert OLD not in found.message and NEW not in found.message
    assert (found.locations[0].path, found.locations[0].line) == ("ws/.env", 1)
    assert found.hint == "`devstack restart ws`"


def test_a_file_younger_than_the_process_is_a_warning(look: Look) -> None:
    (found,) = look(Machine())
    assert found.severity is Severity.WARNING
    assert "JWT_SECRET" in found.message


def test_the_same_value_at_start_and_an_older_file_are_nothing(look: Look) -> None:
    assert look(Machine(started={"JWT_SECRET": NEW}, started_at=4_000_000_000.0)) == []


def test_somebody_elses_process_is_not_judged(look: Look) -> None:
    assert look(Machine(started={"JWT_SECRET": OLD}, holder_class=HolderClass.FOREIGN)) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows it")
def test_the_real_host_sees_only_what_a_process_was_started_with(
    spawned: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"PATH": os.environ["PATH"], "A": "b"}
    spawned.append(subprocess.Popen(["sleep", "1000"], env=environment))
    monkeypatch.setenv("SURELY_NOT_SET_7431", "now")

    def seen() -> Mapping[str, str]:
        return RealHost().started_with(spawned[0].pid, ["PATH", "SURELY_NOT_SET_7431"])

    # the kernel lets us go on a moment before the new program's environment can be read
    assert eventually(lambda: seen() == {"PATH": os.environ["PATH"]}), seen()
