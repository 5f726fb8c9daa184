"""What `up` is told about each declared port, with real holders."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.contract.port_context import context_of, is_taken
from devstack.contract.port_plan import PortPlan, Situation, plan
from devstack.durations import age
from devstack.host import process_facts, state_file
from devstack.host.model import ProcessId
from devstack.host.private_folder import PrivateFolder
from devstack.host.state_file import RunRecord, ServiceRecord
from devstack.stack import load
from tests.port_programs import Processes, has_ipv6, hold, is_root

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
FreePort = Callable[[], int]
Tree = Callable[[Mapping[str, str | bytes]], Path]

NOW = 2_000_000_000.0


def stack_text(port: int, more: str = "") -> str:
    return f'[services.ws]\ntype = "command"\ncommand = "true"\nport = {port}\n{more}'


def planned(root: Path) -> list[PortPlan]:
    """The plan for the stack in `root`."""
    return plan(load.load(root / "stack.toml"), None, context_of(root), now=NOW)


@pytest.fixture
def port(free_port: FreePort) -> int:
    return free_port()


@pytest.fixture
def root(tree: Tree, port: int) -> Path:
    return tree({"stack.toml": stack_text(port), ".git/HEAD": ""})


def test_a_free_port_needs_nothing(root: Path, port: int) -> None:
    (found,) = planned(root)
    assert (found.port, found.service, found.role, found.situation) == (port, "ws", "main", Situation.FREE)
    assert (found.message, found.command, found.may_free) == ("", None, False)


def test_every_role_of_every_started_service_is_planned(tree: Tree, free_port: FreePort) -> None:
    ports = [free_port() for _ in range(4)]
    root = tree(
        {
            "stack.toml": stack_text(
                ports[0], f"[services.ws.ports]\nhmr = {ports[1]}\ninspector = {ports[2]}\n"
            )
            + f'[services.db]\ntype = "external"\nport = {ports[3]}\n'
        }
    )
    assert [(entry.role, entry.port) for entry in planned(root)] == [
        ("main", ports[0]),
        ("hmr", ports[1]),
        ("inspector", ports[2]),
    ]


def test_a_dev_server_of_this_repository_may_be_freed(root: Path, port: int, spawned: Processes) -> None:
    process = hold(spawned, ("127.0.0.1", port), cwd=root)
    (found,) = planned(root)
    assert (found.situation, found.may_free) == (Situation.SAME_REPO, True)
    assert found.command == f"devstack ports --kill {port}"
    assert found.message.startswith(f"port {port} (ws) is held by pid {process.pid} ")
    assert "a dev server of this repository" in found.message


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_process_on_several_addresses_is_counted_once(root: Path, port: int, spawned: Processes) -> None:
    hold(spawned, ("127.0.0.1", port), ("::1", port), cwd=root)
    hold(spawned, ("127.0.0.2", port), cwd=root)
    (found,) = planned(root)
    assert found.message.endswith(" and 1 more")


def test_a_leftover_of_our_dead_run_may_be_freed(
    root: Path, port: int, spawned: Processes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    process = hold(spawned, ("127.0.0.1", port), cwd=tmp_path_factory.mktemp("elsewhere"))
    place = process_facts.kin(process.pid)
    assert place is not None
    record(root, place.id, supervisor=ProcessId(pid=2**22 - 1, started_at=1.0))
    (found,) = planned(root)
    assert (found.situation, found.may_free) == (Situation.OURS_LEFTOVER, True)


def test_a_service_of_a_living_run_is_stopped_through_it(root: Path, port: int, spawned: Processes) -> None:
    process = hold(spawned, ("127.0.0.1", port), cwd=root)
    place, own = process_facts.kin(process.pid), process_facts.kin(process_facts.own_pid())
    assert place is not None
    assert own is not None
    record(root, place.id, supervisor=own.id)
    (found,) = planned(root)
    assert (found.situation, found.may_free) == (Situation.OURS_RUNNING, False)
    assert found.command == "devstack stop ws"


def record(root: Path, service: ProcessId, *, supervisor: ProcessId, boot: str | None = None) -> None:
    """Write a state file that names `service` as `ws`."""
    folder = PrivateFolder.beside(root)
    folder.create()
    state_file.save(
        folder,
        RunRecord(
            run="run-1",
            boot=state_file.boot_id() if boot is None else boot,
            supervisor=supervisor,
            services={"ws": ServiceRecord(id=service)},
        ),
    )


def test_a_record_of_an_earlier_boot_means_nothing(
    root: Path, port: int, spawned: Processes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    process = hold(spawned, ("127.0.0.1", port), cwd=tmp_path_factory.mktemp("elsewhere"))
    place = process_facts.kin(process.pid)
    assert place is not None
    record(root, place.id, supervisor=place.id, boot="another-boot")
    assert planned(root)[0].situation is Situation.FOREIGN


def test_a_foreign_program_is_refused_with_the_exact_command(
    root: Path, port: int, spawned: Processes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hold(spawned, ("127.0.0.1", port), cwd=tmp_path_factory.mktemp("elsewhere"))
    (found,) = planned(root)
    assert (found.situation, found.may_free) == (Situation.FOREIGN, False)
    assert found.command == f"devstack ports --kill {port} --force"
    assert "not of this repository" in found.message


def test_another_checkout_of_the_same_repository_is_offered_isolation(
    tree: Tree, port: int, spawned: Processes
) -> None:
    config = '[remote "origin"]\n\turl = https://host.test/team/app.git\n'
    root = tree({f"{name}/.git/config": config for name in "ab"} | {"a/stack.toml": stack_text(port)})
    hold(spawned, ("127.0.0.1", port), cwd=root / "b")
    (found,) = planned(root / "a")
    assert (found.situation, found.may_free) == (Situation.OTHER_CHECKOUT, False)
    assert found.command == "devstack up --isolate"
    assert str(root / "b") in found.message


@pytest.mark.skipif(not is_root(), reason="imitates another user")
def test_a_program_of_another_user_is_refused(root: Path, port: int, spawned: Processes) -> None:
    hold(spawned, ("127.0.0.1", port), cwd=root, uid=65534)
    (found,) = planned(root)
    assert (found.situation, found.may_free, found.command) == (Situation.OTHER_USER, False, None)


def test_a_port_that_an_outgoing_connection_uses_is_named_so(root: Path, port: int) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", port))
        client.connect(server.getsockname())
        (found,) = planned(root)
    assert (found.situation, found.may_free, found.command) == (Situation.CLIENT, False, None)
    assert "connection" in found.message


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_holder_of_the_other_family_is_no_obstacle_when_the_address_is_declared(
    tree: Tree, port: int, spawned: Processes
) -> None:
    root = tree({"stack.toml": stack_text(port, 'host = "127.0.0.1"\n'), ".git/HEAD": ""})
    hold(spawned, ("::1", port))
    assert planned(root)[0].situation is Situation.FREE
    hold(spawned, ("127.0.0.1", port))
    assert planned(root)[0].situation is Situation.FOREIGN


def test_only_the_asked_services_are_planned(tree: Tree, free_port: FreePort) -> None:
    text = (
        stack_text(free_port())
        + f'[services.other]\ntype = "command"\ncommand = "true"\nport = {free_port()}\n'
    )
    root = tree({"stack.toml": text})
    stack = load.load(root / "stack.toml")
    assert [entry.service for entry in plan(stack, ["other"], context_of(root), now=NOW)] == ["other"]


def test_our_own_leftovers_do_not_change_the_offset(root: Path, port: int, spawned: Processes) -> None:
    look = is_taken(context_of(root))
    assert not look(port)
    hold(spawned, ("127.0.0.1", port), cwd=root, env={"DEVSTACK_RUN": "earlier", "DEVSTACK_SERVICE": "ws"})
    assert not look(port)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 m"), (3 * 3600 + 300, "3 h 05 m"), (2 * 86400 + 7200, "2 d 2 h")],
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert age(seconds) == text
