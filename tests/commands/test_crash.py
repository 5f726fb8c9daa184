"""Bugs of our own: what a run outlives, what it costs, and that nobody can overlook it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.commands.crash import Crashes, write_crash_file
from devstack.errors import UsageError
from tests.conftest import clean_environment
from tests.e2e.programs import DOOR, python, toml

Tree = Callable[[dict[str, str]], Path]


@pytest.fixture(autouse=True)
def crash_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Crash files of these tests lie here."""
    folder = tmp_path / "crashes"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def raised(problem: Exception) -> Exception:
    try:
        raise problem
    except type(problem) as found:
        return found


def test_a_bug_that_shows_again_and_again_is_told_once(crash_folder: Path) -> None:
    told: list[str] = []
    crashes = Crashes(told.append)
    words = {crashes.survive(raised(KeyError("secret"))) for _ in range(3)}
    (path,) = crash_folder.iterdir()
    assert words == {f"devstack failed (KeyError); details in {path}"}
    assert told == [f"devstack failed (KeyError); details in {path} (the run goes on)"]
    assert "secret" not in path.read_text() + told[0]


def test_another_bug_is_told_as_well(crash_folder: Path) -> None:
    told: list[str] = []
    crashes = Crashes(told.append)
    crashes.survive(raised(KeyError()))
    crashes.survive(ExceptionGroup("of tasks", [raised(OSError(24, "Too many open files"))]))
    assert len(told) == len(list(crash_folder.iterdir())) == 2
    assert told[1].startswith("devstack failed (OSError: Too many open files); details in ")


def test_an_error_that_people_can_mend_is_no_bug(crash_folder: Path) -> None:
    told: list[str] = []
    assert Crashes(told.append).survive(UsageError("no service `x`")) == "no service `x`"
    assert told == list(crash_folder.iterdir()) == []


def test_a_crash_file_that_cannot_be_written_is_no_other_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert write_crash_file(raised(KeyError()), ["up"]) is None
    assert Crashes(lambda text: None).survive(raised(KeyError())) == "devstack failed (KeyError)"


# --- a real run with a bug in it ---

BROKEN = """\
import sys
from devstack.cli import main
{bug}
sys.exit(main({argv}))
"""
FAILING_PROBE = """\
from devstack.probes import tcp
asked = []
async def probe(endpoint):
    asked.append(endpoint)
    if {when}:
        raise LookupError("a secret value")
    return await real(endpoint)
real, tcp.probe = tcp.probe, probe
"""


def run(folder: Path, bug: str, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BROKEN.format(bug=bug, argv=list(argv))],
        cwd=folder,
        env=clean_environment({"TMPDIR": str(folder / "crashes")}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.fixture
def folder(tree: Tree, free_port: Callable[[], int]) -> Path:
    """A server with a probe, and what ends the run once it is ready."""
    services = {
        "door": {"command": python("door.py"), "port": free_port()},
        "job": {"command": "sh -c 'echo done'", "oneshot": True, "depends_on": ["door"]},
    }
    return tree({"stack.toml": toml(services), "door.py": DOOR, "open": ""})


def test_a_probe_that_fails_once_for_a_bug_costs_nothing_but_a_warning(folder: Path) -> None:
    done = run(folder, FAILING_PROBE.format(when="len(asked) == 1"), "up", "--exit-when-done", "--no-doctor")
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "crashes").iterdir()
    assert done.stderr.count(f"devstack failed (LookupError); details in {path} (the run goes on)") == 1
    assert "a secret value" not in done.stdout + done.stderr + path.read_text()
    assert "Traceback" not in done.stderr


def test_a_probe_that_always_fails_for_a_bug_fails_its_service_and_no_other(folder: Path) -> None:
    done = run(folder, FAILING_PROBE.format(when="True"), "up", "--exit-when-done", "--no-doctor")
    assert done.returncode == 4, done.stderr
    (path,) = (folder / "crashes").iterdir()
    assert f"devstack failed (LookupError); details in {path}" in done.stdout
    assert "Traceback" not in done.stderr
