"""What a run does about a service that failed for good, and which exit code it has in the end."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome, clean_environment
from tests.e2e.conftest import Run
from tests.e2e.programs import PYTHON, python, tagged, toml

pytestmark = pytest.mark.e2e
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Command = Callable[..., Outcome]
WAIT = "sleep 1000"
FAILS = {"command": "sh -c 'echo no database >&2; exit 3'", "restart": "never"}


def stack(**more: Mapping[str, object]) -> str:
    services = {"db": FAILS, "api": {"command": WAIT, "depends_on": ["db"]}, "web": {"command": WAIT}}
    return toml({**services, **more})


def test_in_the_foreground_the_others_run_on_and_the_run_ends_with_4(tree: Tree, up: Up) -> None:
    run = up(cwd=tree({"stack.toml": stack()}))
    seen = run.until("service.exited", service="db")
    assert (seen["code"], seen["tail"]) == (3, ["no database"])
    skipped = run.until("service.failed", service="api")
    assert (skipped["skipped"], skipped["reason"]) == (True, "db exited 3")
    run.until("service.ready", service="web")
    assert run.process.poll() is None
    assert run.interrupt() == 4
    assert not tagged(run.events[0]["run"])


def test_a_person_reads_what_failed_what_was_not_started_and_what_runs(tree: Tree, devstack: Command) -> None:
    folder = tree({"stack.toml": stack(web={"command": "sh -c 'sleep 1'"})})
    shown = devstack("up", cwd=folder)
    assert shown.code == 4
    assert "exited 3" in shown.out and "no database" in shown.out
    assert "not started: db exited 3" in shown.out


@pytest.mark.parametrize("how", ["down", "TERM"])
def test_down_and_term_end_a_run_with_a_failed_service_with_4_too(
    tree: Tree, up: Up, devstack: Command, how: str
) -> None:
    folder = tree({"stack.toml": stack()})
    run = up(cwd=folder)
    run.until("service.ready", service="web")
    if how == "down":
        assert devstack("down", cwd=folder).code == 0
        assert run.wait() == 4
    else:
        assert run.end(signal.SIGTERM) == 4


def test_a_failure_that_was_cured_is_forgotten(tree: Tree, up: Up, devstack: Command) -> None:
    command = "sh -c 'test -f cured && exec sleep 1000; exit 3'"
    folder = tree({"stack.toml": stack(db={"command": command, "restart": "never"})})
    run = up(cwd=folder)
    run.until("service.failed", service="api")
    (folder / "cured").touch()
    assert devstack("restart", "db", cwd=folder).code == 0
    run.until("service.ready", service="api")
    assert run.interrupt() == 130


@pytest.mark.parametrize("option", [["--wait"], ["--timeout", "60s"], ["--exit-when-done"]])
def test_where_nobody_watches_a_failure_ends_the_run_at_once_with_4(
    tree: Tree, devstack: Command, option: list[str]
) -> None:
    folder = tree({"stack.toml": stack(job={"command": "sleep 1000", "oneshot": True})})
    ended = devstack("up", *option, cwd=folder)
    assert ended.code == 4, ended.err
    assert "not started: db exited 3" in ended.out
    assert devstack("ps", cwd=folder).code == 6


@pytest.mark.parametrize("option", [[], ["--wait"], ["--exit-when-done"]])
def test_what_is_not_ready_in_time_ends_the_run_with_124(
    tree: Tree, devstack: Command, free_port: Callable[[], int], option: list[str]
) -> None:
    services = {
        "mute": {"command": WAIT, "port": free_port()},
        "web": {"command": "touch ran", "depends_on": ["mute"]},
    }
    folder = tree({"stack.toml": toml(services)})
    ended = devstack("up", "--timeout", "1s", *option, cwd=folder)
    assert ended.code == 124
    assert "mute" in ended.out and "nothing listens on port" in ended.out
    assert not (folder / "ran").exists()


# --- limits of the system ---


def limited(folder: Path, limits: str) -> subprocess.Popen[bytes]:
    """`devstack up --json` under `ulimit`."""
    return subprocess.Popen(
        ["bash", "-c", f"ulimit {limits}; exec {PYTHON} -m devstack up --json"],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def until(run: subprocess.Popen[bytes], *names: str) -> list[dict[str, Any]]:
    """Events up to the first of these names."""
    assert run.stdout is not None
    found = []
    for line in run.stdout:
        found.append(json.loads(line))
        if found[-1]["event"] in names:
            return found
    raise AssertionError(f"no {names}: {found[-3:]}")


MANY = {f"s{number}": {"command": WAIT} for number in range(60)}


def test_sixty_services_start_under_a_low_soft_limit_of_open_files(
    tree: Tree, spawned: list[subprocess.Popen[bytes]]
) -> None:
    run = limited(tree({"stack.toml": toml(MANY)}), "-S -n 64")
    spawned.append(run)
    until(run, "run.ready")
    run.send_signal(signal.SIGINT)
    assert run.wait() == 130


def test_where_the_hard_limit_is_too_low_each_start_says_so_and_nothing_is_left(
    tree: Tree, spawned: list[subprocess.Popen[bytes]]
) -> None:
    run = limited(tree({"stack.toml": toml(MANY)}), "-n 64")
    spawned.append(run)
    seen = until(run, "service.failed")
    assert "too many open files" in seen[-1]["reason"] and "ulimit" in seen[-1]["reason"]
    run.send_signal(signal.SIGINT)
    assert until(run, "run.finished")[-1]["code"] == 4
    assert (run.wait(), tagged(seen[0]["run"])) == (4, [])
    assert run.stderr is not None
    assert b"Traceback" not in run.stderr.read()


# --- services without a gate ---


LOADING = """
import time
until = time.monotonic() + 0.7
while time.monotonic() < until: pass
raise SystemExit("no configuration")
"""


def test_a_program_that_crashes_while_it_loads_was_never_ready(tree: Tree, up: Up) -> None:
    services = {
        "worker": {"command": python("loading.py"), "restart": "never"},
        "web": {"command": "touch ran", "depends_on": ["worker"]},
    }
    folder = tree({"stack.toml": toml(services), "loading.py": LOADING})
    run = up(cwd=folder)
    assert run.until("service.failed", service="web")["reason"].startswith("worker exited 1")
    assert run.wait() == 4
    assert not (folder / "ran").exists()


def test_a_program_that_never_stops_computing_is_ready_all_the_same(tree: Tree, up: Up) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": python("busy.py")}}), "busy.py": "while True: pass"})
    run = up(cwd=folder)
    run.until("service.ready", service="a")
    assert run.interrupt() == 130


def test_a_crash_after_the_first_moment_leaves_those_that_already_run_and_is_tried_again(
    tree: Tree, up: Up
) -> None:
    crash = "sh -c 'until test -f crash; do sleep 0.02; done; rm crash; exit 1'"
    restart = {"policy": "on-failure", "max": 20, "backoff": "50ms..50ms"}
    services = {
        "worker": {"command": crash, "restart": restart},
        "web": {"command": WAIT, "depends_on": ["worker"]},
    }
    folder = tree({"stack.toml": toml(services)})
    run = up(cwd=folder)
    pid = run.until("service.started", service="web")["pid"]
    for attempt in (1, 2):
        (folder / "crash").touch()
        assert run.until("service.restarting", service="worker")["attempt"] == attempt
        run.until("service.ready", service="worker")
    assert pid in tagged(run.events[0]["run"])
    assert run.interrupt() == 130
    assert sum(one["event"] == "service.started" and one["service"] == "web" for one in run.events) == 1


def test_a_crash_loop_without_a_gate_ends_although_every_start_looked_well(tree: Tree, up: Up) -> None:
    restart = {"policy": "on-failure", "max": 2, "backoff": "50ms..50ms"}
    services = {
        "worker": {"command": "sh -c 'sleep 0.4; exit 1'", "restart": restart},
        "web": {"command": WAIT},
    }
    run = up(cwd=tree({"stack.toml": toml(services)}))
    failed = run.until("service.failed", service="worker")
    assert failed["reason"] == "exited 1 (3 times in a row)"
    assert run.interrupt() == 4


def test_no_room_for_another_thread_is_said_and_leaves_nothing(tree: Tree, devstack: Command) -> None:
    refuse = 'def refuse(self): raise RuntimeError("can\'t start new thread")\n'
    full = f"import threading\n{refuse}threading.Thread.start = refuse\n"
    folder = tree({"stack.toml": toml({"a": {"command": "sleep 1000"}}), "patch/sitecustomize.py": full})
    done = devstack("up", "--no-doctor", cwd=folder, env={"PYTHONPATH": str(folder / "patch")})
    assert (done.code, done.err.splitlines()[-1]) == (
        6,
        "error: the system has no room for another thread (limit of processes, or memory)",
    )
    assert not [one for one in Path("/proc").glob("[0-9]*/cwd") if _leads_to(one, folder)]


def _leads_to(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:
        return False


# A bug of devstack, at the moment at which the first service is to be started.
BUG = "import devstack.supervisor.runner as runner\nrunner.step = lambda *facts: 1 / len('')\n"


@pytest.mark.parametrize("options", [(), ("--wait",), ("--wait", "--json")])
def test_an_error_of_our_own_is_one_line_and_a_crash_file_in_the_background_too(
    tree: Tree, devstack: Command, options: tuple[str, ...]
) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}}), "patch/sitecustomize.py": BUG, "tmp/x": ""})
    environment = {"PYTHONPATH": str(folder / "patch"), "TMPDIR": str(folder / "tmp")}
    done = devstack("up", *options, cwd=folder, env=environment)
    assert done.code == 70
    (crash,) = (folder / "tmp").glob("devstack-crash-*")
    told = f"devstack failed (ZeroDivisionError); details in {crash}"
    if "--json" in options:
        assert json.loads(done.out.splitlines()[-1])["error"]["message"] == told
    else:
        assert done.err.splitlines()[-1] == f"error: {told}"
    assert "Traceback" not in done.out + done.err
    assert "in the background" not in done.out
