"""What follows from changed env files while the stack runs (behaviours 32–36)."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.conftest import PATIENCE
from tests.e2e.conftest import Run
from tests.e2e.programs import SERVER, eventually, python, toml

pytestmark = pytest.mark.e2e
Tree = Callable[[Mapping[str, str | bytes]], Path]
Up = Callable[..., Run]
Port = Callable[[], int]


def page(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
            return str(answer.read().decode())
    except (OSError, HTTPException):  # it is just being replaced
        return ""


def starts(run: Run, service: str) -> int:
    return sum(1 for one in run.events if one["event"] == "service.started" and one["service"] == service)


def two_services(tree: Tree, port: Port, first: str = "COLOR=red\n") -> tuple[Path, int, int]:
    ws, web = port(), port()
    services = {
        "ws": {"command": python("../server.py"), "port": ws, "dir": "ws"},
        "web": {"command": python("../server.py"), "port": web, "dir": "web", "depends_on": ["ws"]},
        "other": {"command": "sleep 1000", "dir": "other"},
    }
    services["ws"]["env"] = {"files": [".env", "../shared.env"]}
    services["web"]["env"] = {"files": [".env", "../shared.env"]}
    files = {"stack.toml": toml(services), "server.py": SERVER, "shared.env": first, "other/.env": "A=1\n"}
    files |= {"ws/.env": "X=1\n", "web/.env": "Y=1\n"}
    return tree(files), ws, web


def test_a_changed_value_restarts_exactly_what_uses_it_in_order_once(
    tree: Tree, up: Up, free_port: Port
) -> None:
    folder, ws, web = two_services(tree, free_port)
    run = up(cwd=folder)
    run.until("run.ready")
    seen = len(run.events)
    (folder / "shared.env").write_text("COLOR=blue\n")
    changed = run.until("env.changed")
    assert changed["services"] == ["ws", "web"]
    assert changed["variables"] == ["COLOR"]
    run.until("service.ready", service="web")
    order = [
        (one["event"].removeprefix("service."), one["service"])
        for one in run.events[seen:]
        if one["event"] in ("service.stopped", "service.started", "service.ready")
    ]
    assert order == [
        ("stopped", "web"),
        ("stopped", "ws"),
        ("started", "ws"),
        ("ready", "ws"),
        ("started", "web"),
        ("ready", "web"),
    ]
    assert (page(ws), page(web)) == ("blue", "blue")
    assert run.interrupt() == 130
    assert starts(run, "other") == 1


def test_comments_order_and_white_space_restart_nothing(tree: Tree, up: Up, free_port: Port) -> None:
    folder, _, _ = two_services(tree, free_port, "COLOR=red\nSIZE=1\n")
    run = up(cwd=folder)
    run.until("run.ready")
    (folder / "shared.env").write_text("# a comment\nSIZE=1\n\nCOLOR=red\n")
    (folder / "other/.env").write_text("A=2\n")  # a real change that is seen later than the other
    assert run.until("env.changed")["services"] == ["other"]
    run.until("service.ready", service="other")
    assert run.interrupt() == 130
    assert (starts(run, "ws"), starts(run, "web")) == (1, 1)


def test_a_removed_variable_is_really_unset(tree: Tree, up: Up, free_port: Port) -> None:
    folder, ws, _ = two_services(tree, free_port)
    run = up(cwd=folder)
    run.until("run.ready")
    assert page(ws) == "red"
    (folder / "shared.env").write_text("")
    run.until("env.changed")
    run.until("service.ready", service="web")
    assert page(ws) == "none"


def test_ten_saves_in_a_row_are_one_restart(tree: Tree, up: Up, free_port: Port) -> None:
    folder, ws, _ = two_services(tree, free_port)
    with (folder / "stack.toml").open("a") as text:  # a test that is held up between two saves is no pause
        text.write('[devstack]\nsettle = "1500ms"\n')
    run = up(cwd=folder)
    run.until("run.ready")
    for number in range(10):
        (folder / "shared.env").write_text(f"COLOR=c{number}\n")
    run.until("env.changed")
    run.until("service.ready", service="web")
    assert page(ws) == "c9"
    assert run.interrupt() == 130
    assert starts(run, "ws") == 2


@pytest.mark.parametrize("how", ["rename", "link", "recreated", "new"])
def test_every_way_of_saving_is_seen(tree: Tree, up: Up, free_port: Port, how: str) -> None:
    folder, ws, _ = two_services(tree, free_port)
    shared, real = folder / "shared.env", folder / "elsewhere" / "real.env"
    if how == "link":
        real.parent.mkdir()
        shared.rename(real)
        shared.symlink_to(real)
    if how == "new":
        shared.unlink()
    run = up(cwd=folder)
    run.until("run.ready")
    if how == "rename":
        (folder / "draft").write_text("COLOR=blue\n")
        (folder / "draft").replace(shared)
    elif how == "link":
        real.write_text("COLOR=blue\n")
    elif how == "recreated":
        shared.unlink()
        shared.write_text("COLOR=blue\n")
    else:
        shared.write_text("COLOR=blue\n")
    run.until("env.changed")
    assert eventually(lambda: page(ws) == "blue")


def test_a_new_error_keeps_the_old_processes_until_it_is_mended(tree: Tree, up: Up, free_port: Port) -> None:
    a, b = free_port(), free_port()
    services = {
        "a": {"command": python("../server.py"), "port": a, "dir": "a"},
        "b": {"command": python("../server.py"), "port": b, "dir": "b"},
    }
    shared = '[shared.colour]\nmembers = ["a:COLOR", "b:COLOR"]\n'
    files = {"stack.toml": toml(services) + shared, "server.py": SERVER}
    folder = tree(files | {"a/.env": "COLOR=red\n", "b/.env": "COLOR=red\n"})
    run = up(cwd=folder)
    run.until("run.ready")
    (folder / "a/.env").write_text("COLOR=blue\n")
    held = run.until("env.changed")
    assert held["action"] == "held"
    assert "shared-mismatch" in held["detail"]
    assert page(a) == "red"
    (folder / "b/.env").write_text("COLOR=blue\n")
    while run.until("env.changed")["action"] != "restart":
        pass
    assert eventually(lambda: (page(a), page(b)) == ("blue", "blue"))


def test_a_restart_for_any_cause_uses_the_environment_of_that_moment(
    tree: Tree, up: Up, free_port: Port
) -> None:
    port = free_port()
    services = {"a": {"command": python("server.py"), "port": port, "env": {"on_change": "ignore"}}}
    services["a"]["restart"] = {"policy": "always", "max": 5, "backoff": "50ms..50ms"}
    folder = tree({"stack.toml": toml(services), "server.py": SERVER, ".env": "COLOR=red\n"})
    run = up(cwd=folder)
    pid = run.until("service.started", service="a")["pid"]
    run.until("run.ready")
    (folder / ".env").write_text("COLOR=blue\n")
    assert run.until("env.changed")["action"] == "ignore"
    assert page(port) == "red"
    os.kill(pid, 15)
    run.until("service.ready", service="a")
    assert page(port) == "blue"


def test_a_changed_stack_file_is_reported_with_what_it_would_change(tree: Tree, up: Up) -> None:
    services = {"a": {"command": "sleep 1000"}}
    folder = tree({"stack.toml": toml(services)})
    run = up(cwd=folder)
    run.until("run.ready")
    (folder / "stack.toml").write_text(toml(services | {"b": {"command": "sleep 1000"}}))
    told = run.until("env.changed")
    assert told["action"] == "stack-file"
    assert "adds b" in told["detail"]
