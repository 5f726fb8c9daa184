"""Whose run it is, what a crash left behind, setup and tools (behaviours 28–30, 37–39)."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import Outcome, clean_environment
from tests.e2e.conftest import Run
from tests.e2e.programs import SERVER, STUBBORN, eventually, kill_with_guard, python, tagged, toml

pytestmark = pytest.mark.e2e
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Command = Callable[..., Outcome]
WAIT = "sleep 1000"


def test_the_second_up_is_told_about_the_first(tree: Tree, up: Up, devstack: Command) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}})})
    run = up(cwd=folder)
    run.until("run.ready")
    outcome = devstack("up", cwd=folder)
    assert outcome.code == 5
    assert f"pid {run.process.pid}" in outcome.err
    assert "devstack ps" in outcome.err


def test_of_two_at_once_exactly_one_runs(tree: Tree, devstack: Command) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}})})
    for _ in range(3):
        both = [
            subprocess.Popen(
                [sys.executable, "-m", "devstack", "up", "--wait", "--no-doctor"],
                cwd=folder,
                env=clean_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        problems = [one.communicate()[1] for one in both]
        assert sorted(one.returncode for one in both) == [0, 5], problems
        assert "already up" in "".join(problems)
        record = json.loads((folder / ".devstack/state.json").read_text())
        assert len(tagged(record["run"])) == 1
        assert devstack("down", cwd=folder).code == 0


def test_what_a_run_keeps_is_readable_by_its_owner_only(tree: Tree, up: Up) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}})})
    run = up(cwd=folder)
    run.until("run.ready")
    own = folder / ".devstack"
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    files = [one for one in own.rglob("*") if one.is_file()]
    assert files
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in files)


def test_a_recorded_pid_that_means_another_process_today_is_never_touched(
    tree: Tree, devstack: Command, spawned: list[subprocess.Popen[bytes]]
) -> None:
    innocent = subprocess.Popen(["sleep", "1000"])
    spawned.append(innocent)
    folder = tree({"stack.toml": toml({"a": {"command": "true"}})})
    (folder / ".devstack").mkdir(mode=0o700)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    record = {
        "version": 1,
        "run": "0123456789abcdef",
        "boot": boot,
        "supervisor": {"pid": innocent.pid, "started_at": 1.0},
        "services": {"a": {"pid": innocent.pid, "started_at": 1.0, "generation": 1, "ports": []}},
    }
    (folder / ".devstack/state.json").write_text(json.dumps(record))
    assert devstack("up", "--yes", cwd=folder).code == 0
    assert innocent.poll() is None


def test_leftovers_of_a_crash_are_named_and_stopped_with_consent(
    tree: Tree, up: Up, devstack: Command, free_port: Callable[[], int]
) -> None:
    port = free_port()
    services = {"a": {"command": python("server.py"), "port": port}}
    folder = tree({"stack.toml": toml(services), "server.py": SERVER})
    run = up(cwd=folder)
    run.until("run.ready")
    name = run.events[0]["run"]
    kill_with_guard(run.process.pid)
    run.process.wait()
    assert tagged(name)
    refused = devstack("up", cwd=folder)
    assert refused.code == 5
    assert "earlier run" in refused.err
    assert f"a (pid {tagged(name)[0]})" in refused.err
    assert tagged(name)
    again = up("--yes", cwd=folder)
    again.until("run.ready")
    assert not tagged(name)


def test_setup_runs_when_its_inputs_or_results_changed_and_not_otherwise(
    tree: Tree, devstack: Command
) -> None:
    setup = {"command": "echo x >> ran; mkdir -p out", "inputs": ["lock"], "creates": ["out"]}
    services = {"a": {"command": "true", "setup": setup}}
    folder = tree({"stack.toml": toml(services), "lock": "1"})

    def runs() -> int:
        assert devstack("up", "--yes", cwd=folder).code == 0
        return (folder / "ran").read_text().count("x")

    assert runs() == 1
    assert runs() == 1
    (folder / "lock").touch()
    assert runs() == 1
    (folder / "lock").write_text("2")
    assert runs() == 2
    (folder / "out").rmdir()
    assert runs() == 3


def test_services_that_one_step_prepares_wait_for_it_and_it_runs_once(tree: Tree, devstack: Command) -> None:
    setup = {"command": "echo x >> ../ran; mkdir ../out", "inputs": ["../lock"], "creates": ["../out"]}
    services = {name: {"dir": name, "command": "test -d ../out", "setup": setup} for name in ("a", "b")}
    folder = tree({"stack.toml": toml(services), "lock": "1", "a/x": "", "b/x": ""})
    refused = devstack("up", cwd=folder)
    assert "a, b: echo x" in refused.err
    for _ in range(2):
        outcome = devstack("up", "--yes", "--json", cwd=folder)
        assert outcome.code == 0
        assert (folder / "ran").read_text() == "x\n"


def test_setup_without_consent_is_not_run(tree: Tree, devstack: Command) -> None:
    services = {"a": {"command": "true", "setup": {"command": "touch ran", "creates": ["ran"]}}}
    folder = tree({"stack.toml": toml(services)})
    outcome = devstack("up", cwd=folder)
    assert outcome.code == 5
    assert "touch ran" in outcome.err
    assert not (folder / "ran").exists()


def test_a_failing_setup_shows_its_output_and_stops_only_what_needs_it(tree: Tree, up: Up) -> None:
    services = {
        "web": {"command": WAIT, "setup": {"command": "echo no network; exit 9"}},
        "ws": {"command": WAIT},
    }
    run = up("--yes", cwd=tree({"stack.toml": toml(services)}))
    assert run.until("service.failed", service="web")["reason"] == "setup of web exited 9"
    output = [one for one in run.events if one["event"] == "service.output"]
    assert any("no network" in json.dumps(one) for one in output)
    finished = next(one for one in run.events if one["event"] == "setup.finished")
    assert finished["ok"] is False
    assert run.interrupt() == 4


def test_a_file_that_may_not_be_executed_is_not_called_missing(tree: Tree, devstack: Command) -> None:
    folder = tree({"stack.toml": toml({"web": {"command": "./start.sh"}}), "start.sh": "#!/bin/sh\n"})
    outcome = devstack("up", cwd=folder)
    assert outcome.code == 4
    assert "./start.sh may not be executed" in outcome.err
    assert "chmod +x ./start.sh" in outcome.err


@pytest.mark.parametrize("command", ["exit 0", "trap '' HUP; true", "printf x", ": nothing"])
def test_what_only_a_shell_knows_is_not_missing(tree: Tree, devstack: Command, command: str) -> None:
    services = {"a": {"command": command, "oneshot": True}}
    outcome = devstack("up", "--exit-when-done", cwd=tree({"stack.toml": toml(services)}))
    assert outcome.code == 0, outcome.err


def test_a_missing_tool_is_named_with_who_needs_it(tree: Tree, devstack: Command) -> None:
    services = {"web": {"command": "pnpm dev"}, "ws": {"command": WAIT}, "agent": {"command": "uv run agent"}}
    outcome = devstack("up", cwd=tree({"stack.toml": toml(services)}), env={"PATH": "/nowhere"})
    assert outcome.code == 4
    assert "not installed: pnpm (needed by web); sleep (needed by ws); uv (needed by agent)." in outcome.err
    assert "pnpm: `corepack enable`" in outcome.err
    assert "uv: https://docs.astral.sh/uv" in outcome.err


CAUSES = {
    "import-error": ("import surely_not_there", "surely_not_there is not installed"),
    "port": (
        "import os,socket; s=socket.socket(); s.bind(('127.0.0.1', int(os.environ['TAKEN'])))",
        "in use",
    ),
    "killed": ("import os; os.kill(os.getpid(), 9)", "memory"),
}


@pytest.mark.parametrize("kind", CAUSES)
def test_a_known_cause_of_death_is_told_in_one_line_above_the_last_lines(
    tree: Tree, up: Up, free_port: Callable[[], int], spawned: list[subprocess.Popen[bytes]], kind: str
) -> None:
    program, expected = CAUSES[kind]
    port = free_port()
    folder = tree({"program.py": program, "server.py": SERVER})
    if kind == "port":
        holder = subprocess.Popen(
            [sys.executable, "-u", str(folder / "server.py")],
            env={"PORT": str(port), "BIND": "0.0.0.0"},
            stdout=subprocess.PIPE,
        )
        spawned.append(holder)
        assert holder.stdout is not None
        holder.stdout.readline()
    services = {"a": {"command": f"TAKEN={port} " + python("program.py"), "restart": "never"}}
    (folder / "stack.toml").write_text(toml(services))
    run = up(cwd=folder)
    seen = run.until("service.exited", service="a")
    assert expected in seen["cause"]
    if kind != "killed":
        assert any("Error" in line for line in seen["tail"])
    assert len(seen["tail"]) <= 20
    assert run.wait() == 4


def test_a_private_folder_that_is_removed_is_made_again_and_the_run_is_still_found(
    tree: Tree, up: Up, devstack: Command
) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": python("stubborn.py"), "stop": {"grace": "200ms"}}})})
    (folder / "stubborn.py").write_text(STUBBORN)
    run = up(cwd=folder)
    run.until("service.output", service="a")
    run.until("run.ready")
    shutil.rmtree(folder / ".devstack")
    names = {".gitignore", "lock", "state.json", "control.sock"}
    assert eventually(lambda: {one.name for one in folder.glob(".devstack/*")} >= names)
    assert "a        ready" in devstack("ps", cwd=folder).out
    assert devstack("up", cwd=folder).code == 5
    assert devstack("restart", "a", cwd=folder).code == 0
    assert "stubborn" in devstack("logs", cwd=folder).out
    assert run.interrupt() == 130
    assert not {one.name for one in folder.glob(".devstack/control*")}
    assert eventually(lambda: not tagged(run.events[0]["run"]))


def test_run_passes_the_commands_exit_code_and_gives_it_the_services_environment(
    tree: Tree, devstack: Command
) -> None:
    files = {"stack.toml": toml({"a": {"command": WAIT, "dir": "sub"}}), "sub/.env": "COLOR=blue\n"}
    folder = tree(files)
    outcome = devstack("run", "a", "--", "sh", "-c", "echo $COLOR in $(basename $PWD); exit 7", cwd=folder)
    assert outcome.code == 7
    assert outcome.out == "blue in sub\n"


def test_a_run_whose_folder_is_removed_goes_on_without_a_traceback(tree: Tree, up: Up) -> None:
    folder = tree({"repo/stack.toml": toml({"a": {"command": WAIT}}), "repo/.env": "COLOR=red\n"}) / "repo"
    run = up(cwd=folder)
    run.until("run.ready")

    def is_removed() -> bool:  # the run still writes into it meanwhile
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    assert eventually(is_removed)
    assert "stack.toml" in run.until("env.changed")["detail"]
    assert run.interrupt() == 130
    assert "Traceback" not in run.errors and "devstack failed" not in run.errors
    assert not tagged(run.events[0]["run"])
