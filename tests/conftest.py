"""Fixtures for every test: a repository from a dict of files, the real command line, free ports, reaping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import free_ports

ROOT = Path(__file__).resolve().parent.parent
NODE_MODULES = ROOT / "tests" / "node" / "node_modules"

PATIENCE = 200.0
"""Seconds to wait for what must come; only a test that fails waits so long. A busy machine is no failure."""

# What a test's environment inherits: enough to find programs, nothing that changes behaviour.
KEEP = ("PATH", "HOME", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")

# Nor does what is asked in this process see more: a PORT, NO_COLOR or HTTP_PROXY of whoever runs the tests is none
# of theirs. Their own tools keep their names. `python` is ours everywhere, also on a machine that only has `python3`.
for _name in os.environ.keys() - set(KEEP):
    if not _name.startswith(("PYTEST_", "PYTHON", "COV", "HYPOTHESIS")):
        del os.environ[_name]
_folder = str(Path(sys.executable).parent)
if _folder not in os.get_exec_path()[:1]:
    os.environ["PATH"] = os.pathsep.join((_folder, *os.get_exec_path()))


# Examples are the same in every run and have all the time they need: what nobody changed fails nowhere by chance.
# New ones are looked for with `--hypothesis-profile default` and by `make fuzz`.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


os.umask(0o022)  # tests of permissions write files as most people do

# A shell that starts the tests in the background leaves them with ignored signals, which every process they start
# would inherit: Ctrl-C and a closed terminal could not be tried out.
for _signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, signal.default_int_handler if _signal is signal.SIGINT else signal.SIG_DFL)


@dataclass(frozen=True)
class Outcome:
    """What a finished command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a test's process: the few inherited names plus `extra`."""
    return {name: os.environ[name] for name in KEEP if name in os.environ} | dict(extra or {})


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Write a dict of relative path → content below a fresh folder and return the folder."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return write


@pytest.fixture
def devstack() -> Callable[..., Outcome]:
    """Run the real command line: `devstack("doctor", cwd=folder)` → Outcome."""

    def run(
        *argv: str,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = PATIENCE,
    ) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "devstack", *argv],
            cwd=cwd,
            env=clean_environment(env),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives a port that nobody else takes, tried by binding; each call gives another one."""
    return free_ports.find


@pytest.fixture
def spawned() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Append processes that the test starts; whatever still lives at the end is killed and reaped.

    With all of its group where it leads one.
    """
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            leads = os.getpgid(process.pid) == process.pid
            os.killpg(process.pid, signal.SIGKILL) if leads else process.kill()
        process.wait(timeout=PATIENCE)
        for stream in (process.stdout, process.stderr, process.stdin):
            if stream is not None:
                stream.close()
