"""`devstack ports` as people and programs use it: the real command line, real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.host import process_facts
from tests.conftest import Outcome, clean_environment
from tests.port_programs import Processes, hold, parsed, record_run, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
FreePort = Callable[[], int]
Tree = Callable[[Mapping[str, str | bytes]], Path]
Run = Callable[..., Outcome]


def test_every_declared_port_and_role_is_listed(devstack: Run, stack: Path, ports: dict[str, int]) -> None:
    done = devstack("ports", cwd=stack)
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines() if not line.startswith(" ")]
    assert rows[1:] == [
        [str(ports["web"]), "web", "main", "free"],
        [str(ports["hmr"]), "web", "hmr", "free"],
        [str(ports["ws"]), "ws", "main", "free"],
    ]


def test_a_held_port_shows_who_holds_it(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack / "server")
    done = devstack("ports", "ws", cwd=stack, env={"COLUMNS": "140"})
    row = done.out.splitlines()[1].split()
    assert row[:6] == [str(ports["ws"]), "ws", "main", "held", "same-repo", str(process.pid)]
    assert row[-1] == "./server"


def test_the_json_has_the_keys_of_the_contract(
    devstack: Run, stack: Path, ports: dict[str, int], spawned: Processes
) -> None:
    process = hold(spawned, ("127.0.0.1", ports["ws"]), cwd=stack / "server")
    body = parsed(devstack("ports", "--json", cwd=stack))
    assert body["version"] == 1
    assert [(entry["port"], entry["service"], entry["role"], entry["state"]) for entry in body["ports"]] == [
        (ports["web"], "web", "main", "free"),
        (ports["hmr"], "web", "hmr", "free"),
        (ports["ws"], "ws", "main", "held"),
    ]
    (holder,) = body["ports"][2]["holders"]
    assert holder["pid"] == process.pid
    assert holder["class"] == "same-repo"
    assert holder["address"] == "127.0.0.1"
    assert holder["cwd"] == str(stack / "server")
    assert holder["user"] == process_facts.user_name(os.geteuid())
    assert holder["started_at"] > 1e9
    assert "python" in holder["command"]


def test_ports_work_without_a_stack(
    devstack: Run, tmp_path: Path, free_port: FreePort, spawned: Processes
) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port), cwd=tmp_path)
    body = parsed(devstack("ports", "--json", str(port), cwd=tmp_path))
    assert body["ports"][0]["holders"][0]["pid"] == process.pid
    assert body["ports"][0]["service"] is None


def test_all_lists_every_listener_and_names_the_declared_ones(
    devstack: Run, stack: Path, ports: dict[str, int], free_port: FreePort, spawned: Processes
) -> None:
    other = free_port()
    hold(spawned, ("127.0.0.1", ports["ws"]), ("127.0.0.1", other))
    found = {
        entry["port"]: entry["service"]
        for entry in parsed(devstack("ports", "--all", "--json", cwd=stack))["ports"]
    }
    assert found[ports["ws"]] == "ws"
    assert found[other] is None
    assert ports["web"] not in found


def test_all_works_without_a_stack(devstack: Run, tmp_path: Path) -> None:
    assert devstack("ports", "--all", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("3000-3002", [3000, 3001, 3002]),
        ("3001", [3001]),
    ],
)
def test_numbers_and_ranges_are_taken(
    devstack: Run, tmp_path: Path, target: str, expected: list[int]
) -> None:
    body = parsed(devstack("ports", "--json", target, cwd=tmp_path))
    assert [entry["port"] for entry in body["ports"]] == expected


@pytest.mark.parametrize("target", ["web", "web.hmr", "web:hmr"])
def test_services_and_roles_are_taken(devstack: Run, stack: Path, ports: dict[str, int], target: str) -> None:
    body = parsed(devstack("ports", "--json", target, cwd=stack))
    expected = [ports["web"], ports["hmr"]] if target == "web" else [ports["hmr"]]
    assert [entry["port"] for entry in body["ports"]] == expected


def test_several_targets_name_each_port_once(devstack: Run, stack: Path, ports: dict[str, int]) -> None:
    body = parsed(devstack("ports", "--json", "ws", str(ports["ws"]), "web.hmr", cwd=stack))
    assert [entry["port"] for entry in body["ports"]] == [ports["ws"], ports["hmr"]]


@pytest.mark.parametrize(
    "target", ["0", "65536", "99999999999", "30-20", "wsx", "-1-", "3000-", "web.hmrr", "\x1b[31m"]
)
def test_a_target_that_means_nothing_is_one_clear_error(devstack: Run, stack: Path, target: str) -> None:
    done = devstack("ports", "--", target, cwd=stack)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_near_name_is_suggested(devstack: Run, stack: Path) -> None:
    assert "did you mean `web`?" in devstack("ports", "wbe", cwd=stack).err


def test_without_a_stack_and_without_ports_the_error_says_what_works(devstack: Run, tmp_path: Path) -> None:
    done = devstack("ports", cwd=tmp_path)
    assert done.code == 2
    assert "--all" in done.err


def test_an_error_is_valid_json_where_json_was_asked_for(devstack: Run, tmp_path: Path) -> None:
    done = devstack("ports", "--json", cwd=tmp_path)
    assert parsed(done)["error"]["code"] == done.code == 2


@pytest.mark.parametrize(
    ("port", "remark"),
    [(6000, "browsers refuse"), (40000, "outgoing connections"), (3001, None)],
)
def test_a_declared_port_that_is_a_bad_choice_is_remarked(
    devstack: Run, tree: Tree, port: int, remark: str | None
) -> None:
    folder = tree({"stack.toml": f'[services.a]\ntype = "node"\nport = {port}\n', ".git/HEAD": ""})
    (entry,) = parsed(devstack("ports", "--json", cwd=folder))["ports"]
    if entry["state"] != "free":
        pytest.skip(f"somebody holds port {port} here")
    assert (entry["note"] is None) if remark is None else (remark in entry["note"])


def test_a_stack_with_mistakes_still_shows_the_ports_that_can_be_read(devstack: Run, tree: Tree) -> None:
    folder = tree({"stack.toml": '[services.a]\ntype = "node"\nport = 3001\ncolour = "red"\n'})
    assert [entry["port"] for entry in parsed(devstack("ports", "--json", cwd=folder))["ports"]] == [3001]


def test_options_of_kill_alone_are_refused(devstack: Run, stack: Path) -> None:
    assert devstack("ports", "--yes", cwd=stack).code == 2


def test_control_characters_and_secrets_of_command_lines_are_not_shown(
    devstack: Run, tmp_path: Path, free_port: FreePort, spawned: Processes
) -> None:
    port = free_port()
    code = (
        f"import socket, sys; s = socket.create_server(('127.0.0.1', {port}))\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    start(spawned, [sys.executable, "-c", code, "--token=hunter2hunter2", "\x1b[2Jx", "ws://u:pw@h/"])
    for form in ((), ("--json",)):
        done = devstack("ports", *form, str(port), cwd=tmp_path, env={"COLUMNS": "400"})
        assert "hunter2" not in done.out
        assert "u:pw" not in done.out
        assert "\x1b" not in done.out


def test_colours_only_where_they_are_wanted(devstack: Run, stack: Path) -> None:
    assert "\x1b[" not in devstack("ports", cwd=stack).out
    assert "\x1b[" in devstack("ports", cwd=stack, env={"FORCE_COLOR": "1"}).out
    assert "\x1b[" not in devstack("ports", cwd=stack, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out


def test_a_moved_port_of_a_living_run_is_shown_with_the_declared_one(
    devstack: Run, stack: Path, ports: dict[str, int], free_port: FreePort, spawned: Processes
) -> None:
    moved = free_port()
    process = hold(spawned, ("127.0.0.1", moved))
    record_run(stack, process, ports=(moved,))
    body = parsed(devstack("ports", "--json", "ws", cwd=stack))
    (entry,) = body["ports"]
    assert (entry["port"], entry["declared"], entry["state"]) == (moved, ports["ws"], "ours")
    assert f"{moved} (for {ports['ws']})" in devstack("ports", cwd=stack).out


def test_watch_prints_again_when_something_changed(
    tmp_path: Path, free_port: FreePort, spawned: Processes
) -> None:
    port = free_port()
    watcher = subprocess.Popen(
        [sys.executable, "-m", "devstack", "ports", "--watch", "--json", str(port)],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    spawned.append(watcher)
    assert watcher.stdout is not None
    assert json.loads(watcher.stdout.readline())["ports"][0]["state"] == "free"
    process = hold(spawned, ("127.0.0.1", port))
    while not (holders := json.loads(watcher.stdout.readline())["ports"][0]["holders"]):
        pass  # it was seen between binding and listening
    assert holders[0]["pid"] == process.pid
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait() == 130
