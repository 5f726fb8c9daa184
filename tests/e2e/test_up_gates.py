"""Order, gates and failures of `devstack up` with real processes (behaviours 1–13)."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import Outcome, clean_environment
from tests.e2e.conftest import Run
from tests.e2e.programs import DOOR, PYTHON, SERVER, python, tagged, toml
from tests.port_programs import has_ipv6

pytestmark = pytest.mark.e2e
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Command = Callable[..., Outcome]
WAIT = "sleep 1000"


def order(run: Run, event: str) -> list[str]:
    return [one["service"] for one in run.events if one["event"] == event]


def test_a_chain_of_eight_starts_every_service_once_in_order(tree: Tree, up: Up) -> None:
    names = [f"s{number}" for number in range(8)]
    services: dict[str, dict[str, object]] = {}
    for before, name in zip([None, *names], names, strict=False):
        services[name] = {"command": WAIT}
        if before:
            services[name]["depends_on"] = {before: "started"}
    run = up(cwd=tree({"stack.toml": toml(services)}))
    run.until("run.ready")
    assert order(run, "service.started") == names


def test_a_rhombus_starts_independent_services_before_either_is_ready(tree: Tree, up: Up) -> None:
    services = {
        "top": {"command": WAIT},
        "left": {"command": WAIT, "depends_on": ["top"]},
        "right": {"command": WAIT, "depends_on": ["top"]},
        "bottom": {"command": WAIT, "depends_on": ["left", "right"]},
    }
    run = up(cwd=tree({"stack.toml": toml(services)}))
    run.until("run.ready")
    seen = [(one["event"], one.get("service")) for one in run.events]
    assert seen.index(("service.ready", "top")) < seen.index(("service.started", "left"))
    assert seen.index(("service.started", "right")) < seen.index(("service.ready", "left"))
    both = max(seen.index(("service.ready", "left")), seen.index(("service.ready", "right")))
    assert both < seen.index(("service.started", "bottom"))


def test_a_cycle_is_refused_before_anything_starts_with_its_path(tree: Tree, devstack: Command) -> None:
    services = {
        "a": {"command": "touch ran", "depends_on": ["b"]},
        "b": {"command": WAIT, "depends_on": ["a"]},
    }
    folder = tree({"stack.toml": toml(services)})
    outcome = devstack("up", cwd=folder)
    assert outcome.code == 2
    assert "a" in outcome.err and "b" in outcome.err and "cycle" in outcome.err
    assert not (folder / "ran").exists()


def test_an_unknown_service_is_answered_with_the_nearest_name(tree: Tree, devstack: Command) -> None:
    outcome = devstack("up", "wbe", cwd=tree({"stack.toml": toml({"web": {"command": WAIT}})}))
    assert outcome.code == 2
    assert "did you mean `web`?" in outcome.err


def test_a_failure_skips_all_that_needs_it_and_ends_with_4(tree: Tree, devstack: Command) -> None:
    services = {
        "a": {"command": "sh -c 'exit 1'", "restart": "never"},
        "b": {"command": "touch ran", "depends_on": ["a"]},
        "c": {"command": "touch ran", "depends_on": ["b"]},
    }
    folder = tree({"stack.toml": toml(services)})
    outcome = devstack("up", cwd=folder)
    assert outcome.code == 4
    assert outcome.out.count("a exited 1") == 2
    assert not (folder / "ran").exists()


def test_an_exit_while_the_probe_waits_is_told_at_once(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    services = {
        "a": {"command": "sh -c 'exit 3'", "port": free_port(), "restart": "never"},
        "b": {"command": WAIT, "depends_on": ["a"]},
    }
    run = up(cwd=tree({"stack.toml": toml(services)}))
    assert run.until("service.failed", service="b")["reason"].startswith("a exited 3")
    assert run.wait() == 4


def test_a_one_shot_that_completes_releases_its_dependents(tree: Tree, devstack: Command) -> None:
    services = {
        "migrate": {"command": "touch migrated", "oneshot": True},
        "web": {"command": "sh -c 'test -f migrated && sleep 1000'", "depends_on": {"migrate": "completed"}},
    }
    folder = tree({"stack.toml": toml(services)})
    try:
        assert devstack("up", "--wait", cwd=folder).code == 0
    finally:
        assert devstack("down", cwd=folder).code == 0


def test_dependents_wait_through_a_restart_that_cures_the_failure(tree: Tree, up: Up) -> None:
    services = {
        "a": {
            "command": "sh -c 'test -f tried || { touch tried; exit 1; }; echo well; sleep 1000'",
            "restart": {"policy": "on-failure", "max": 3, "backoff": "50ms..100ms"},
        },
        "b": {"command": WAIT, "depends_on": ["a"]},
    }
    run = up(cwd=tree({"stack.toml": toml(services)}))
    run.until("service.restarting", service="a")
    run.until("run.ready")
    assert order(run, "service.started") == ["a", "a", "b"]
    assert not order(run, "service.failed")


def test_an_optional_dependency_that_fails_does_not_hold_up_the_others(tree: Tree, up: Up) -> None:
    services = {
        "extra": {"command": "sh -c 'exit 1'", "optional": True, "restart": "never"},
        "web": {"command": WAIT, "depends_on": ["extra"]},
    }
    run = up(cwd=tree({"stack.toml": toml(services)}))
    assert run.until("service.failed", service="extra")["optional"] is True
    run.until("run.ready")
    assert run.interrupt() == 130


def test_a_foreign_answer_on_the_port_is_not_readiness(
    tree: Tree, up: Up, free_port: Callable[[], int], spawned: list[subprocess.Popen[bytes]]
) -> None:
    port = free_port()
    services = {"ws": {"command": "sh -c 'echo up; read x < gate; sleep 1000'", "port": port}}
    folder = tree({"stack.toml": toml(services), "foreign.py": SERVER})
    subprocess.run(["mkfifo", str(folder / "gate")], check=True)
    run = up(cwd=folder)
    run.until("service.started", service="ws")
    foreign = subprocess.Popen(
        [sys.executable, "-u", str(folder / "foreign.py")], env={"PORT": str(port)}, stdout=subprocess.PIPE
    )
    spawned.append(foreign)
    assert foreign.stdout is not None
    foreign.stdout.readline()
    while "not ours" not in (told := run.until("service.probe_failed", service="ws"))["detail"]:
        pass
    assert f"port {port} is held by pid {foreign.pid}" in told["detail"]
    assert run.interrupt() == 130
    assert not order(run, "service.ready")
    assert foreign.poll() is None


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_server_on_the_ipv6_loopback_only_is_ready_and_says_so(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    services = {
        "web": {"command": "BIND=::1 " + python("server.py"), "port": free_port(), "ready": {"http": "/"}}
    }
    run = up(cwd=tree({"stack.toml": toml(services), "server.py": SERVER}))
    assert "IPv6 only" in run.until("service.ready", service="web")["note"]


def test_a_service_on_another_port_than_declared_is_named(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    declared, real = free_port(), free_port()
    services = {"web": {"command": f"PORT={real} " + python("server.py"), "port": declared, "port_env": ""}}
    run = up("--no-doctor", cwd=tree({"stack.toml": toml(services), "server.py": SERVER}))
    while str(real) not in (told := run.until("service.probe_failed", service="web"))["detail"]:
        pass
    assert told["detail"] == f"nothing listens on port {declared}; it listens on {real}"


def test_a_gate_that_does_not_pass_in_time_fails_with_the_last_answer(
    tree: Tree, up: Up, free_port: Callable[[], int]
) -> None:
    services = {
        "web": {
            "command": python("server.py"),
            "port": free_port(),
            "ready": {"http": "/", "status": [204], "within": "10s"},
        },
        "later": {"command": WAIT, "depends_on": ["web"]},
    }
    run = up(cwd=tree({"stack.toml": toml(services), "server.py": SERVER}))
    reason = run.until("service.failed", service="web")["reason"]
    assert reason == "was not ready within 10s: GET /: status 200, wanted 204"
    assert run.wait() == 4


def test_a_log_line_decides_readiness_where_it_is_declared(tree: Tree, up: Up) -> None:
    services = {
        "agent": {
            "command": 'sh -c \'echo starting; read x < gate; printf "regist"; printf "ered worker\\\\n"; sleep 1000\'',
            "ready": {"log": "registered worker"},
        }
    }
    folder = tree({"stack.toml": toml(services)})
    subprocess.run(["mkfifo", str(folder / "gate")], check=True)
    run = up(cwd=folder)
    run.until("service.output", service="agent")
    assert not order(run, "service.ready")
    (folder / "gate").write_text("go\n")
    assert "registered worker" in run.until("service.ready", service="agent")["detail"]


def test_a_command_decides_readiness_where_it_is_declared(tree: Tree, up: Up) -> None:
    services = {"db": {"command": WAIT, "ready": {"command": "test -f answer"}}}
    folder = tree({"stack.toml": toml(services)})
    run = up(cwd=folder)
    assert "exited 1" in run.until("service.probe_failed", service="db")["detail"]
    (folder / "answer").touch()
    run.until("service.ready", service="db")
    identity = run.events[0]["run"]
    assert run.interrupt() == 130
    assert tagged(identity) == []


def test_a_service_that_ends_cleanly_and_is_alone_ends_the_run(tree: Tree, devstack: Command) -> None:
    outcome = devstack("up", cwd=tree({"stack.toml": toml({"a": {"command": "sh -c 'echo hello'"}})}))
    assert outcome.code == 0
    assert "hello" in outcome.out


# --- waiting ---


def door(tree: Tree, port: int, **services: Mapping[str, object]) -> Path:
    """A stack with `a`, which listens while the file `open` exists, and what else is given."""
    declared = {"a": {"command": f"{PYTHON} -IS door.py", "port": port}, **services}
    return tree({"stack.toml": toml(declared), "door.py": DOOR})


def phases(devstack: Command, folder: Path) -> dict[str, tuple[str, list[str]]]:
    told = json.loads(devstack("ps", "--json", cwd=folder).out)["services"]
    return {one["name"]: (one["phase"], one["waiting_for"]) for one in told}


def test_ready_then_not_then_ready_again_a_late_dependent_waits_and_nothing_is_ended(
    tree: Tree, up: Up, devstack: Command, free_port: Callable[[], int]
) -> None:
    early = {"command": WAIT, "depends_on": ["a"]}
    folder = door(tree, free_port(), early=early, late=early)
    (folder / "open").touch()
    run = up(cwd=folder)
    run.until("run.ready")
    assert devstack("stop", "late", cwd=folder).code == 0
    (folder / "open").unlink()
    run.until("service.degraded", service="a")
    assert devstack("start", "late", "--timeout", "300ms", cwd=folder).code == 124
    assert phases(devstack, folder)["late"] == ("pending", ["a"])
    assert phases(devstack, folder)["early"] == ("ready", [])
    (folder / "open").touch()
    seen = len(run.events)
    run.until("service.ready", service="late")
    assert [one["service"] for one in run.events[seen:] if one["event"] == "service.ready"] == ["a", "late"]
    assert run.interrupt() == 130
    run.until("run.finished")
    assert order(run, "service.started").count("a") == order(run, "service.started").count("early") == 1
    assert not order(run, "service.failed")


def test_a_restart_of_what_still_waits_leaves_it_waiting_and_starts_it_once(
    tree: Tree, up: Up, devstack: Command, free_port: Callable[[], int]
) -> None:
    folder = door(tree, free_port(), b={"command": "echo x >> starts; exec sleep 1000", "depends_on": ["a"]})
    run = up(cwd=folder)
    run.until("service.started", service="a")
    for _ in range(2):
        assert devstack("restart", "b", "--timeout", "200ms", cwd=folder).code == 124
        assert phases(devstack, folder)["b"] == ("pending", ["a"])
    (folder / "open").touch()
    assert devstack("wait", "b", cwd=folder).code == 0
    assert run.interrupt() == 130
    run.until("run.finished")
    assert order(run, "service.started") == ["a", "b"]
    assert (folder / "starts").read_text() == "x\n"


def test_while_waiting_it_is_told_who_waits_for_what_root_blocker_first(
    tree: Tree, free_port: Callable[[], int], spawned: list[subprocess.Popen[bytes]]
) -> None:
    folder = door(
        tree,
        free_port(),
        b={
            "command": WAIT,
            "depends_on": ["a"],
            "setup": {"command": "exec sleep 600", "creates": ["never"]},
        },
        c={"command": WAIT, "depends_on": {"b": "started"}},
    )
    run = subprocess.Popen(
        [PYTHON, "-m", "devstack", "up", "--yes"],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    spawned.append(run)
    assert run.stdout is not None
    report: list[str] = []
    for line in run.stdout:
        text = line.decode()
        if re.match(r"[abc] +[.…] (starting|waits) for", text):
            report.append(text.rstrip())
        if len(report) == 3:
            break
    run.send_signal(signal.SIGINT)
    rest = run.stdout.read()
    run.stdout.close()
    assert (run.wait(), b"Everything stopped" in rest) == (130, True)
    first, second, third = report
    assert re.match(r"a +[.…] starting for [\d.]+ s: nothing listens on port \d+; b waits for it$", first)
    assert re.match(r"b +[.…] waits for its setup \(exec sleep 600, [\d.]+ s\) and a$", second)
    assert re.match(r"c +[.…] waits for b \(started\)$", third)
