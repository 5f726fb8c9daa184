"""Services start before what follows them is loaded: what happens between the two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import clean_environment
from tests.e2e.programs import eventually, toml

Tree = Callable[[dict[str, str]], Path]

# Does something when the event loop is about to be loaded: by then the first services run.
PROGRAM = """\
import json, os, pathlib, signal, sys, time
from devstack.cli import main

def services():
    path = pathlib.Path("started")
    return path.read_text().split() if path.exists() else []

def note(event, details):
    if event == "import" and details[0] == "asyncio" and not pathlib.Path("seen").exists():
        while len(services()) < 2:
            time.sleep(0.01)
        pathlib.Path("seen").write_text(json.dumps(sorted(sys.modules)))
        {then}

sys.addaudithook(note)
sys.exit(main(["up", "--no-doctor"]))
"""
STAY = "sh -c 'trap \"echo told >> told; exit 0\" TERM; echo $$ >> started; while :; do sleep 0.05; done'"
SERVICE = {"command": STAY, "stop": {"grace": "60s"}}
SERVICES = {"a": SERVICE, "b": SERVICE, "later": SERVICE | {"depends_on": ["a"]}}


def run(folder: Path, then: str) -> subprocess.CompletedProcess[str]:
    """`devstack up` in which `then` happens between the first services and the event loop."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{then}", then)],
        cwd=folder,
        env=clean_environment({"TMPDIR": str(folder)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def alive(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "started").read_text().split() if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130), ("SIGHUP", 143)])
def test_a_signal_before_anybody_listens_ends_the_run_in_order(tree: Tree, name: str, code: int) -> None:
    folder = tree({"stack.toml": toml(SERVICES)})
    done = run(folder, f"os.kill(os.getpid(), signal.{name})")
    assert (done.returncode, alive(folder)) == (code, [])
    assert "Traceback" not in done.stderr
    assert (folder / "told").read_text().split() == ["told", "told"]
    assert len((folder / "started").read_text().split()) == 2


@pytest.mark.parametrize("before", [{".env": "COLOR=one\n"}, {}])
def test_a_file_that_changes_before_anybody_watches_is_acted_on(tree: Tree, before: dict[str, str]) -> None:
    ends = "sh -c 'echo x >> started; echo ${COLOR-none} >> colors; [ $COLOR. = two. ] && kill $PPID; sleep 1000'"
    services = {"a": {"command": ends, "env": {"loader": "dotenv", "inject": True}}, "b": SERVICES["b"]}
    folder = tree({"stack.toml": toml(services), **before})
    assert run(folder, "pathlib.Path('.env').write_text('COLOR=two\\n')").returncode == 143
    assert (folder / "colors").read_text().split() == [*(["one"] if before else ["none"]), "two"]


def test_nothing_stays_when_the_rest_cannot_be_loaded(tree: Tree) -> None:
    folder = tree({"stack.toml": toml(SERVICES)})
    done = run(folder, "raise ImportError('asyncio')")
    assert done.returncode == 70
    assert eventually(lambda: not alive(folder))  # they are killed, not waited for
    assert done.stderr.startswith("error: devstack failed (ImportError)")
    assert len(list(folder.glob("devstack-crash-*.txt"))) == 1


def test_kill_before_anybody_listens_leaves_nothing(tree: Tree) -> None:
    folder = tree({"stack.toml": toml(SERVICES)})
    assert run(folder, "os.kill(os.getpid(), signal.SIGKILL)").returncode == -signal.SIGKILL
    assert eventually(lambda: not alive(folder))


def test_neither_the_event_loop_nor_the_views_are_loaded_before_the_first_service(tree: Tree) -> None:
    folder = tree({"stack.toml": toml(SERVICES)})
    run(folder, "os.kill(os.getpid(), signal.SIGTERM)")
    loaded = set(json.loads((folder / "seen").read_text()))
    assert not {"ssl", "logging", "devstack.views.console", "devstack.control.server"} & loaded
    assert "devstack.host.posix" in loaded or os.name == "nt"
