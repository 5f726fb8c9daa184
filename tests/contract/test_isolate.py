"""Ports and addresses of a second checkout, computed from real files by the real loaders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.contract.isolate import Isolation, choose_offset, isolate, not_applied
from devstack.contract.local_addresses import Moves
from devstack.env.child import child_environment
from devstack.env.files import Files
from devstack.env.resolve import resolve
from devstack.env.source.scan import SourceScanner
from devstack.errors import PortHeldError
from devstack.host.port_numbers import is_browser_blocked
from devstack.stack import load
from devstack.stack.launch import launch
from devstack.stack.model import Stack

Tree = Callable[[Mapping[str, str | bytes]], Path]
OFFSET = 10_000

WEB = """
name = "app"
[services.web]
type = "vite"
dir = "web"
port = 5173
depends_on = ["ws"]
[services.ws]
type = "python"
dir = "ws"
port = 3001
port_env = "PORT"
command = "python server.py"
[[links]]
from = "web:VITE_WS_URL"
to = "ws"
[[origins]]
from = "ws:CORS_ORIGIN"
allows = ["web"]
"""
FILES = {
    "stack.toml": WEB,
    "web/package.json": '{"scripts": {"dev": "vite"}}',
    "web/.env": "VITE_WS_URL=ws://localhost:3001/ws\n",
    "ws/server.py": "",
    "ws/.env": "CORS_ORIGIN=http://localhost:5173,http://127.0.0.1:5173\n",
}


def moved(root: Path, process: Mapping[str, str] | None = None) -> Isolation:
    """The stack of `root`, isolated."""
    stack = load.load(root / "stack.toml")
    files = Files(root)
    scanner = SourceScanner(root, files)
    return isolate(
        stack,
        resolve(stack, process=process or {}, files=files),
        lambda name: scanner.index(stack, stack.services[name]),
        offset=OFFSET,
    )


def child(isolation: Isolation, service: str, process: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the spawned process of the moved stack gets."""
    stack = isolation.stack
    declared = stack.services[service]
    environments = resolve(stack, process=process or {}, files=Files(stack.root), services=[service])
    seen = environments[service]
    return child_environment(stack, declared, seen, process=process or {}, launch=launch(stack, declared))


def argv(isolation: Isolation, service: str) -> str:
    """The command line of the moved stack."""
    started = launch(isolation.stack, isolation.stack.services[service])
    assert started is not None
    return " ".join(started.argv)


def test_every_port_moves_by_the_same_offset(tree: Tree) -> None:
    isolation = moved(tree(FILES))
    assert [(move.service, move.declared, move.port) for move in isolation.moves] == [
        ("web", 5173, 15173),
        ("ws", 3001, 13001),
    ]
    assert isolation.stack.services["web"].port == 15173
    assert isolation.declared == {"web": 5173, "ws": 3001}
    assert isolation.remarks == ()


def test_links_origins_and_port_variables_follow_in_the_processes(tree: Tree) -> None:
    isolation = moved(tree(FILES))
    assert child(isolation, "web")["VITE_WS_URL"] == "ws://localhost:13001/ws"
    ws = child(isolation, "ws")
    assert ws["CORS_ORIGIN"] == "http://localhost:15173,http://127.0.0.1:15173"
    assert ws["PORT"] == "13001"
    assert "--port 15173 --strictPort" in argv(isolation, "web")


def test_no_file_is_changed(tree: Tree) -> None:
    root = tree(FILES)
    moved(root)
    assert {name: (root / name).read_text() for name in FILES} == FILES


def test_the_declared_stack_stays_as_it_was(tree: Tree) -> None:
    root = tree(FILES)
    before = load.load(root / "stack.toml")
    moved(root)
    assert load.load(root / "stack.toml") == before


def test_a_fallback_in_the_source_is_moved_by_setting_the_variable(tree: Tree) -> None:
    isolation = moved(
        tree(
            FILES
            | {
                "web/.env": "",
                "web/src/main.ts": "new WebSocket(import.meta.env.VITE_WS_URL || 'ws://localhost:3001/ws')\n",
            }
        )
    )
    assert child(isolation, "web")["VITE_WS_URL"] == "ws://localhost:13001/ws"


def test_a_value_of_the_shell_is_moved_too(tree: Tree) -> None:
    shell = {"VITE_WS_URL": "ws://127.0.0.1:3001/shell"}
    assert child(moved(tree(FILES), shell), "web", shell)["VITE_WS_URL"] == "ws://127.0.0.1:13001/shell"


def test_other_hosts_and_other_ports_stay(tree: Tree) -> None:
    text = "VITE_WS_URL=wss://example.com:3001/ws\nVITE_DB=postgres://u:p@localhost:5432/db\nVITE_X=3001\n"
    isolation = moved(tree(FILES | {"web/.env": text}))
    assert not [entry for entry in isolation.rewrites if entry.service == "web"]


def test_a_port_written_into_the_command_is_moved(tree: Tree) -> None:
    stack = WEB.replace('port_env = "PORT"\n', "").replace(
        "python server.py", "uvicorn main:app --host 0.0.0.0 --port 3001"
    )
    isolation = moved(tree(FILES | {"stack.toml": stack}))
    assert argv(isolation, "ws") == "uvicorn main:app --host 0.0.0.0 --port 13001"
    assert isolation.remarks == ()


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("PORT=3001 node server.js", "PORT=13001 node server.js"),
        ("serve -p3001", "serve -p13001"),
        ("gunicorn -b 127.0.0.1:3001 app", "gunicorn -b 127.0.0.1:13001 app"),
        ("serve --port=3001 --id 30010", "serve --port=13001 --id 30010"),
        ("run-3001 --x v1.3001", "run-3001 --x v1.3001"),
    ],
)
def test_only_what_stands_for_the_port_is_moved_in_a_command(command: str, after: str) -> None:
    assert Moves({3001: 13001}).command(command, [3001]) == after


def test_a_script_that_fixes_the_port_gets_a_later_flag(tree: Tree) -> None:
    package = '{"scripts": {"dev": "vite --port 5173"}}'
    isolation = moved(tree(FILES | {"web/package.json": package, "web/package-lock.json": "{}"}))
    assert argv(isolation, "web") == "npm run dev -- --port 15173 --strictPort"


def test_a_port_that_nothing_carries_into_the_process_stays_and_is_said(tree: Tree) -> None:
    stack = WEB.replace('port_env = "PORT"\n', "")
    isolation = moved(tree(FILES | {"stack.toml": stack}))
    assert isolation.stack.services["ws"].port == 3001
    assert "VITE_WS_URL" not in child(isolation, "web")  # its file says the right thing already
    (remark,) = isolation.remarks
    assert "port_env" in remark


def test_a_further_port_fixed_in_a_configuration_stays_and_is_said(tree: Tree) -> None:
    stack = WEB.replace("[services.ws]", "[services.web.ports]\nhmr = 24678\n[services.ws]")
    isolation = moved(tree(FILES | {"stack.toml": stack}))
    assert isolation.stack.services["web"].ports[0].number == 24678
    assert "24678" in isolation.remarks[0]


def test_a_further_port_that_a_variable_carries_moves(tree: Tree) -> None:
    stack = WEB.replace("[services.ws]", "[services.web.ports]\nhmr = 24678\n[services.ws]")
    isolation = moved(tree(FILES | {"stack.toml": stack, "web/.env": "HMR_PORT=24678\n"}))
    assert isolation.stack.services["web"].ports[0].number == 34678
    assert child(isolation, "web")["HMR_PORT"] == "34678"


def test_an_env_file_that_wins_over_the_process_is_said(tree: Tree) -> None:
    root = tree(FILES | {"ws/server.py": "from dotenv import load_dotenv\nload_dotenv(override=True)\n"})
    stack = WEB.replace(
        'port_env = "PORT"\n',
        'port_env = "PORT"\nenv = { layers = [{ loader = "python-dotenv", files = [".env"], override = true }] }\n',
    )
    (root / "stack.toml").write_text(stack)
    isolation = moved(root)
    lost = not_applied(isolation, resolve(isolation.stack, process={}, files=Files(root)))
    assert len(lost) == 1
    assert "CORS_ORIGIN" in lost[0]


def test_an_address_written_into_the_code_is_said(tree: Tree) -> None:
    isolation = moved(tree(FILES | {"web/src/main.ts": "new WebSocket('ws://localhost:3001/ws')\n"}))
    assert any("web/src/main.ts:1" in remark for remark in isolation.remarks)


def test_a_rewrite_does_not_show_its_values(tree: Tree) -> None:
    text = "VITE_WS_URL=ws://user:hunter2@localhost:3001/ws\n"
    isolation = moved(tree(FILES | {"web/.env": text}))
    assert "hunter2" not in repr(isolation.rewrites)
    assert child(isolation, "web")["VITE_WS_URL"] == "ws://user:hunter2@localhost:13001/ws"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("http://[::1]:3001/x", "http://[::1]:13001/x"),
        ("localhost:3001", "localhost:13001"),
        ("http://api.localhost:3001", "http://api.localhost:13001"),
        (
            "https://x.test/cb?to=http%3A%2F%2Flocalhost%3A3001%2F",
            "https://x.test/cb?to=http%3A%2F%2Flocalhost%3A13001%2F",
        ),
        (
            '["http://localhost:3001","http://127.0.0.1:3001"]',
            '["http://localhost:13001","http://127.0.0.1:13001"]',
        ),
        ("http://mylocalhost:3001", "http://mylocalhost:3001"),
        ("http://localhost:30010", "http://localhost:30010"),
        ("http://backend:3001", "http://backend:3001"),
    ],
)
def test_local_addresses_are_moved_wherever_they_stand(text: str, after: str) -> None:
    assert Moves({3001: 13001}).address(text) == after


def test_a_declared_alias_is_moved_too() -> None:
    assert Moves({3001: 13001}, ("app-dev",)).address("http://app-dev:3001") == "http://app-dev:13001"


@given(st.text(max_size=80))
def test_text_without_moved_ports_never_changes(text: str) -> None:
    assert Moves({}).address(text) == text


# --- the offset ---------------------------------------------------------------------------------------------------


def stack_of(tree: Tree) -> Stack:
    return load.load(tree(FILES) / "stack.toml")


def test_the_offset_is_the_same_every_time(tree: Tree) -> None:
    stack = stack_of(tree)
    first, again = (choose_offset(stack, Path("/src/app"), lambda port: False) for _ in range(2))
    assert first == again


def test_checkouts_differ(tree: Tree) -> None:
    stack = stack_of(tree)
    offsets = {choose_offset(stack, Path(f"/src/app-{index}"), lambda port: False) for index in range(20)}
    assert len(offsets) > 15


def test_a_taken_offset_is_passed_over(tree: Tree) -> None:
    stack = stack_of(tree)
    first = choose_offset(stack, Path("/src/app"), lambda port: False)
    second = choose_offset(stack, Path("/src/app"), lambda port: port == 3001 + first)
    assert first != second


def test_when_every_port_is_taken_the_error_says_so(tree: Tree) -> None:
    with pytest.raises(PortHeldError):
        choose_offset(stack_of(tree), Path("/src/app"), lambda port: True)


@given(root=st.text(min_size=1, max_size=30), ports=st.sets(st.integers(1, 65535), min_size=2, max_size=2))
def test_moved_ports_are_usable(root: str, ports: set[int]) -> None:
    from devstack.contract.isolate import _offsets

    declared = frozenset(ports)
    for offset in _offsets(declared, root):
        shifted = {port + offset for port in declared}
        assert not shifted & declared
        assert all(1024 <= port <= 65535 for port in shifted)
        assert not any(is_browser_blocked(port) for port in shifted)
        break
