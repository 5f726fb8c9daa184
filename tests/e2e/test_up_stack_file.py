"""A stack.toml that changes while its stack runs: reported, and applied by `devstack restart --all`."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, Outcome
from tests.e2e.conftest import Run
from tests.e2e.programs import SERVER, eventually, identified, living, python, tagged, toml

pytestmark = pytest.mark.e2e
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Command = Callable[..., Outcome]
Port = Callable[[], int]
WAIT = "sleep 1000"


def server(port: int, **more: object) -> dict[str, object]:
    return {"command": python("server.py"), "port": port, **more}


def pids(run: Run) -> dict[str, int]:
    return {one["service"]: one["pid"] for one in run.events if one["event"] == "service.started"}


def test_restart_all_applies_added_removed_and_changed_services_in_order(
    tree: Tree, up: Up, devstack: Command, free_port: Port
) -> None:
    ws, moved, added = free_port(), free_port(), free_port()
    before = {"ws": server(ws), "web": {"command": WAIT, "depends_on": ["ws"]}, "old": {"command": WAIT}}
    folder = tree({"stack.toml": toml(before), "server.py": SERVER})
    run = up(cwd=folder)
    run.until("run.ready")
    after = {
        "auth": server(added),
        "ws": server(moved, depends_on=["auth"]),
        "web": {"command": WAIT, "depends_on": ["ws"]},
    }
    (folder / "stack.toml").write_text(toml(after))
    told = run.until("env.changed")["detail"]
    assert "adds auth; removes old; changes ws (port, depends_on)" in told
    assert "devstack restart --all" in told
    seen = len(run.events)
    web = {pids(run)["web"]: str(identified(pids(run)["web"])).split()[-1]}
    done = devstack("restart", "--all", cwd=folder)
    assert done.code == 0, done.err
    assert "auth is ready" in done.out and "ws is ready" in done.out and "old is gone" in done.out
    assert "web runs on: nothing changed for it" in done.out
    run.until("service.ready", service="ws")
    order = [
        (one["event"].removeprefix("service."), one["service"])
        for one in run.events[seen:]
        if one["event"] in ("service.stopped", "service.ready")
    ]
    assert set(order[:2]) == {("stopped", "old"), ("stopped", "ws")}
    assert order[2:] == [("ready", "auth"), ("ready", "ws")]
    assert living(web).keys() == web.keys()
    with socket.create_connection(("127.0.0.1", moved), 5), socket.create_connection(("127.0.0.1", added), 5):
        pass
    names = [one.split()[0] for one in devstack("ps", cwd=folder).out.splitlines()[1:]]
    assert names == ["auth", "ws", "web"]
    assert run.interrupt() == 130
    assert eventually(lambda: not tagged(run.events[0]["run"]))


INVALID = {
    "unknown key": ("comand = 1", 2, "stack.toml:"),
    "a cycle": ('depends_on = ["a"]', 2, "a"),
}


@pytest.mark.parametrize("kind", INVALID)
def test_an_invalid_stack_file_is_refused_with_its_place_and_the_old_run_goes_on(
    tree: Tree, up: Up, devstack: Command, kind: str
) -> None:
    line, code, words = INVALID[kind]
    text = toml({"a": {"command": WAIT}})
    folder = tree({"stack.toml": text})
    run = up(cwd=folder)
    run.until("run.ready")
    (folder / "stack.toml").write_text(text + line + "\n")
    assert "errors" in run.until("env.changed")["detail"]
    refused = devstack("restart", "--all", cwd=folder)
    assert (refused.code, words in refused.err) == (code, True), refused.err
    assert pids(run) == {"a": tagged(run.events[0]["run"])[0]}
    (folder / "stack.toml").write_text(text)
    assert run.until("env.changed")["detail"] == "it means again what runs"
    assert devstack("restart", "--all", cwd=folder).code == 0
    run.until("service.ready", service="a")
    assert run.interrupt() == 130


def test_a_port_of_somebody_else_a_missing_tool_and_a_new_error_are_refused_like_at_up(
    tree: Tree, up: Up, devstack: Command, free_port: Port
) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}})})
    run = up(cwd=folder)
    run.until("run.ready")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (folder / "stack.toml").write_text(
            toml({"a": {"command": WAIT}, "b": {"command": WAIT, "port": port}})
        )
        refused = devstack("restart", "--all", cwd=folder)
    assert (refused.code, str(port) in refused.err) == (3, True), refused.err
    (folder / "stack.toml").write_text(toml({"a": {"command": "surely-not-there"}}))
    refused = devstack("restart", "--all", cwd=folder)
    assert (refused.code, "not installed: surely-not-there" in refused.err) == (4, True), refused.err
    link = '[[links]]\nfrom = "a:API_URL"\nto = "b"\n'
    services = {"a": {"command": WAIT}, "b": {"command": WAIT, "port": free_port()}}
    (folder / "stack.toml").write_text(toml(services) + link)
    (folder / ".env").write_text("API_URL=http://localhost:1234\n")
    refused = devstack("restart", "--all", cwd=folder)
    assert (refused.code, "1234" in refused.err) == (1, True), refused.err
    # The old run goes on; the new .env is one for its service, too, which may just be restarting.
    assert eventually(lambda: len(tagged(run.events[0]["run"])) == 1)
    assert run.interrupt() == 130


def test_setup_that_becomes_due_needs_consent_and_runs_with_it(tree: Tree, up: Up, devstack: Command) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}})})
    run = up(cwd=folder)
    run.until("run.ready")
    setup = {"command": "touch made", "creates": ["made"]}
    (folder / "stack.toml").write_text(toml({"a": {"command": WAIT, "setup": setup}}))
    refused = devstack("restart", "--all", cwd=folder)
    assert (refused.code, "--yes" in refused.err) == (5, True), refused.err
    assert not (folder / "made").exists()
    agreed = devstack("restart", "--all", "--yes", cwd=folder)
    assert agreed.code == 0, agreed.err
    assert (folder / "made").exists()
    assert run.interrupt() == 130


def test_env_files_of_the_new_stack_are_watched(tree: Tree, up: Up, devstack: Command) -> None:
    folder = tree({"stack.toml": toml({"a": {"command": WAIT}}), "b/.env": "COLOR=red\n"})
    run = up(cwd=folder)
    run.until("run.ready")
    (folder / "stack.toml").write_text(toml({"a": {"command": WAIT}, "b": {"command": WAIT, "dir": "b"}}))
    assert devstack("restart", "--all", cwd=folder).code == 0
    run.until("service.ready", service="b")
    (folder / "b/.env").write_text("COLOR=blue\n")
    assert run.until("env.changed")["services"] == ["b"]
    run.until("service.ready", service="b")
    assert run.interrupt() == 130


def restarted(run: Run, devstack: Command, folder: Path) -> tuple[str, set[str]]:
    """`restart --all`: what it says, and which services have another process afterwards."""
    shown = json.loads(devstack("ps", "--json", cwd=folder).out)["services"]
    before = {one["name"]: one["pid"] for one in shown}
    done = devstack("restart", "--all", cwd=folder)
    assert done.code == 0, done.err
    shown = json.loads(devstack("ps", "--json", cwd=folder).out)["services"]
    return done.out, {one["name"] for one in shown if one["pid"] != before.get(one["name"])}


def test_only_what_means_another_process_is_restarted(tree: Tree, up: Up, devstack: Command) -> None:
    services: dict[str, dict[str, object]] = {
        "policy": {"command": WAIT},
        "program": {"command": WAIT},
        "values": {"command": WAIT, "env": {"set": {"COLOR": "red"}}},
        "once": {"command": "echo x >> ran", "oneshot": True},
        "fails": {"command": "test -f cured && exec sleep 1000 || exit 1", "restart": "never"},
    }
    folder = tree({"stack.toml": toml(services)})
    run = up(cwd=folder)
    run.until("service.failed", service="fails")
    for name in ("policy", "program", "values"):
        assert devstack("wait", name, cwd=folder).code == 0
    services["policy"] |= {"restart": "never", "stop": {"grace": "1s"}, "depends_on": ["values"]}
    services["program"]["command"] = "sleep 1001"
    services["values"]["env"] = {"set": {"COLOR": "blue"}}
    (folder / "cured").touch()
    (folder / "stack.toml").write_text(toml(services))
    out, anew = restarted(run, devstack, folder)
    assert anew == {"program", "values", "fails"}
    assert "policy runs on" in out and "once runs on" in out
    assert (folder / "ran").read_text() == "x\n"
    assert devstack("stop", "policy", cwd=folder).code == 0
    assert run.until("service.stopping", service="policy")["grace"] == 1.0
    assert restarted(run, devstack, folder)[1] == {
        "policy",
        "program",
        "values",
        "fails",
    }  # nothing changed: all
    assert run.interrupt() == 130


def test_own_options_are_applied_or_said_to_count_from_the_next_up_on(
    tree: Tree, up: Up, devstack: Command
) -> None:
    services: dict[str, dict[str, object]] = {
        "a": {"command": WAIT},
        "extra": {"command": WAIT, "profiles": ["more"]},
    }
    folder = tree({"stack.toml": toml(services)})
    run = up(cwd=folder)
    run.until("run.ready")
    own = '[devstack]\ngrace = "2s"\nprofiles = ["more"]\ncolour = "always"\n'
    (folder / "stack.toml").write_text(toml(services, own))
    out, anew = restarted(run, devstack, folder)
    assert "a runs on" in out and anew == {"extra"}
    assert "devstack.colour counts from the next `devstack up` on" in out and "grace counts" not in out
    assert devstack("stop", "a", cwd=folder).code == 0
    assert run.until("service.stopping", service="a")["grace"] == 2.0
    assert run.interrupt() == 130


def test_on_ports_of_its_own_a_changed_stack_keeps_them_and_what_has_not_changed(
    tree: Tree, up: Up, devstack: Command, free_port: Port
) -> None:
    services = {"ws": server(free_port(), port_env="PORT"), "web": server(free_port(), port_env="PORT")}
    folder = tree({"stack.toml": toml(services), "server.py": SERVER})
    run = up("--isolate", cwd=folder)
    run.until("run.ready")
    before = {one["service"]: one["port"] for one in run.events if one["event"] == "service.started"}
    assert before["ws"] != services["ws"]["port"]
    services["web"]["env"] = {"set": {"COLOR": "blue"}}
    services["more"] = {"command": WAIT, "depends_on": ["web"]}
    (folder / "stack.toml").write_text(toml(services))
    out, anew = restarted(run, devstack, folder)
    assert anew == {"web", "more"} and "ws runs on" in out
    assert run.until("service.started", service="more")
    now = {one["service"]: one["port"] for one in run.events if one["event"] == "service.started"}
    assert (now["ws"], now["web"]) == (before["ws"], before["web"])
    with urllib.request.urlopen(f"http://127.0.0.1:{now['web']}/", timeout=PATIENCE) as answer:
        assert answer.read() == b"blue"
    assert run.interrupt() == 130
