"""Whose a holder is, and whether it may be stopped."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.host import process_facts
from devstack.host.containers import parse
from devstack.host.judging import Context, Record
from devstack.host.model import Holder, HolderClass, ProcessId, Trait
from devstack.host.policy import may_kill
from devstack.host.ports import holders
from tests.port_programs import Processes, hold, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
FreePort = Callable[[], int]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An empty checkout."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    return tmp_path / "repo"


def holder(holder_class: HolderClass, trait: Trait | None = None, **further: object) -> Holder:
    """A holder of this class."""
    given: dict[str, object] = {"pid": 7, "id": ProcessId(pid=7, started_at=1.0), **further}
    return Holder(
        started_at=0.0,
        command="x",
        user="me",
        cwd=None,
        address="::",
        holder_class=holder_class,
        trait=trait,
        **given,
    )  # type: ignore[arg-type]


# --- classes, with real processes ---------------------------------------------------------------------------


def test_a_dev_server_below_the_repository_is_of_the_same_repo(
    spawned: Processes, free_port: FreePort, checkout: Path
) -> None:
    (checkout / "server").mkdir()
    port = free_port()
    hold(spawned, ("127.0.0.1", port), cwd=checkout / "server")
    (found,) = holders([port], Context(root=str(checkout)))[port]
    assert (found.holder_class, found.cwd) == (HolderClass.SAME_REPO, str(checkout / "server"))


def test_a_folder_that_only_begins_alike_is_foreign(
    spawned: Processes, free_port: FreePort, checkout: Path
) -> None:
    other = checkout.parent / "repo-two"
    other.mkdir()
    port = free_port()
    hold(spawned, ("127.0.0.1", port), cwd=other)
    assert holders([port], Context(root=str(checkout)))[port][0].holder_class is HolderClass.FOREIGN


def test_without_a_checkout_nothing_is_of_the_same_repo(
    spawned: Processes, free_port: FreePort, tmp_path: Path
) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port), cwd=tmp_path)
    assert holders([port], Context())[port][0].holder_class is HolderClass.FOREIGN


def test_a_nested_checkout_is_another_checkout(
    spawned: Processes, free_port: FreePort, checkout: Path
) -> None:
    inner = checkout / "worktrees" / "feature"
    inner.mkdir(parents=True)
    (checkout / ".git" / "worktrees" / "feature").mkdir(parents=True)
    (checkout / ".git" / "worktrees" / "feature" / "commondir").write_text("../..\n")
    (inner / ".git").write_text(f"gitdir: {checkout}/.git/worktrees/feature\n")
    port = free_port()
    hold(spawned, ("127.0.0.1", port), cwd=inner)
    (found,) = holders([port], Context(root=str(checkout)))[port]
    assert found.holder_class is HolderClass.FOREIGN
    assert found.other_checkout == str(inner)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("git@host.test:team/app.git", "https://user:pw@host.test/team/app", True),
        ("https://host.test/team/app", "https://host.test/team/other", False),
        ("https://host.test/team/app", "{folder}/a", True),
        ("{folder}/b", "https://host.test/team/app", True),
        ("{folder}/c", "file://{folder}/c", True),
        ("{folder}/c", "{folder}/d", False),
    ],
)
def test_two_clones_are_one_repository_when_they_come_from_the_same_place(
    tmp_path: Path, one: str, other: str, is_same: bool
) -> None:
    from devstack.host.checkouts import is_same_repository

    for name, url in (("a", one), ("b", other)):
        (tmp_path / name / ".git").mkdir(parents=True)
        text = (
            f'[core]\n\tbare = false\n[remote "origin"]\n\tfetch = x\n\turl = {url.format(folder=tmp_path)}\n'
        )
        (tmp_path / name / ".git" / "config").write_text(text)
    assert is_same_repository(str(tmp_path / "a"), str(tmp_path / "b")) is is_same


def test_a_submodule_belongs_to_its_parent(checkout: Path) -> None:
    from devstack.host.checkouts import checkout_root

    inner = checkout / "libs" / "shared"
    inner.mkdir(parents=True)
    (inner / ".git").write_text("gitdir: ../../.git/modules/shared\n")
    assert checkout_root(str(inner)) == str(checkout)


def test_a_recorded_process_is_ours(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    place = process_facts.kin(process.pid)
    assert place is not None
    context = Context(records=(Record(service="ws", id=place.id),))
    (found,) = holders([port], context)[port]
    assert (found.holder_class, found.service) == (HolderClass.OURS, "ws")


def test_a_recycled_pid_is_not_ours(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    earlier = ProcessId(pid=process.pid, started_at=1.0)
    context = Context(records=(Record(service="ws", id=earlier),))
    assert holders([port], context)[port][0].holder_class is HolderClass.FOREIGN


def test_a_child_of_a_recorded_process_is_ours(spawned: Processes, free_port: FreePort) -> None:
    port = free_port()
    shell = hold(spawned, ("127.0.0.1", port), prefix=["sh", "-c", '"$@"; :', "sh"])
    place = process_facts.kin(shell.pid)
    assert place is not None
    (found,) = holders([port], Context(records=(Record(service="ws", id=place.id),)))[port]
    assert found.pid != shell.pid
    assert found.holder_class is HolderClass.OURS


def test_the_tag_of_our_run_tells_ours_also_after_a_double_fork(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    tags = {"DEVSTACK_RUN": "run-1", "DEVSTACK_SERVICE": "agent"}
    hold(spawned, ("127.0.0.1", port), env=tags, prefix=["setsid", "--fork", "--wait"])
    (found,) = holders([port], Context(run="run-1"))[port]
    assert (found.holder_class, found.service) == (HolderClass.OURS, "agent")


def test_the_tag_of_another_checkout_is_not_ours(
    spawned: Processes, free_port: FreePort, checkout: Path, tmp_path: Path
) -> None:
    port = free_port()
    hold(spawned, ("127.0.0.1", port), env={"DEVSTACK_RUN": "other"}, cwd=tmp_path)
    found = holders([port], Context(root=str(checkout), run="mine"))[port][0]
    assert found.holder_class is HolderClass.FOREIGN


def test_what_a_living_devstack_watches_is_stopped_through_it(
    spawned: Processes, free_port: FreePort
) -> None:
    port = free_port()
    process = hold(spawned, ("127.0.0.1", port))
    watcher = hold(spawned, ("127.0.0.1", free_port()))
    service, supervisor = process_facts.kin(process.pid), process_facts.kin(watcher.pid)
    assert service is not None
    assert supervisor is not None
    context = Context(records=(Record(service="ws", id=service.id),), supervisor=supervisor.id)
    (found,) = holders([port], context)[port]
    assert found.trait is Trait.RUNNING_STACK
    assert not may_kill(found, force=True).is_allowed
    assert may_kill(found).instead == "devstack stop ws"


def test_devstack_itself_and_what_it_runs_under_are_ancestors(free_port: FreePort) -> None:
    import socket

    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        (own,) = holders([port], Context())[port]
        assert (own.holder_class, own.trait) == (HolderClass.ANCESTOR, Trait.SELF)
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
        )
        try:
            (above,) = holders([port], Context(pid=child.pid))[port]
            assert above.holder_class is HolderClass.ANCESTOR
            assert not may_kill(above, force=True).is_allowed
        finally:
            child.communicate()


def test_a_proxy_of_containers_is_told_by_its_executable(
    spawned: Processes, free_port: FreePort, tmp_path: Path
) -> None:
    proxy = tmp_path / "docker-proxy"
    shutil.copy(Path(sys.executable).resolve(), proxy)
    port = free_port()
    code = (
        f"import socket, sys; s = socket.create_server(('127.0.0.1', {port}))\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    home = {"PYTHONHOME": sys.base_prefix}
    start(spawned, [str(proxy), "-c", code], env=home)
    (found,) = holders([port], Context())[port]
    assert found.holder_class is HolderClass.CONTAINER
    assert not may_kill(found, force=True).is_allowed
    assert found.stop_with is not None


# --- may it be stopped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("holder_class", [HolderClass.OURS, HolderClass.SAME_REPO])
def test_our_own_may_be_stopped(holder_class: HolderClass) -> None:
    assert may_kill(holder(holder_class)).is_allowed


def test_a_foreign_program_only_with_force() -> None:
    refused = may_kill(holder(HolderClass.FOREIGN))
    assert (refused.is_allowed, refused.needs_force) == (False, True)
    assert may_kill(holder(HolderClass.FOREIGN), force=True).is_allowed


@pytest.mark.parametrize("trait", [Trait.TUNNEL, Trait.DATABASE, Trait.SUPERVISED])
def test_tunnels_databases_and_supervised_programs_need_force_even_here(trait: Trait) -> None:
    refused = may_kill(holder(HolderClass.SAME_REPO, trait))
    assert (refused.is_allowed, refused.needs_force) == (False, True)


@pytest.mark.parametrize(
    "holder_class",
    [HolderClass.OTHER_USER, HolderClass.CONTAINER, HolderClass.SYSTEM, HolderClass.ANCESTOR],
)
def test_what_belongs_to_somebody_else_never(holder_class: HolderClass) -> None:
    refused = may_kill(holder(holder_class), force=True)
    assert (refused.is_allowed, refused.needs_force) == (False, False)


@pytest.mark.parametrize("trait", [Trait.SELF, Trait.FIRST, Trait.EDITOR, Trait.RUNNING_STACK])
def test_some_programs_never_whatever_their_class(trait: Trait) -> None:
    assert not may_kill(holder(HolderClass.FOREIGN, trait), force=True).is_allowed


def test_a_process_that_is_not_visible_cannot_be_stopped() -> None:
    assert not may_kill(holder(HolderClass.FOREIGN, pid=None, id=None), force=True).is_allowed


# --- containers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("api\t0.0.0.0:3001->80/tcp, [::]:3001->80/tcp\t\t", "docker stop api"),
        ("app-db-1\t0.0.0.0:3001->5432/tcp\tapp\tdb", "docker compose -p app stop db"),
        ("range\t0.0.0.0:3000-3010->3000-3010/tcp\t\t", "docker stop range"),
        ("other\t0.0.0.0:13001->80/tcp\t\t", None),
        ("inner\t3001/tcp\t\t", None),
        ("$(touch x)\t0.0.0.0:3001->80/tcp\t\t", None),
    ],
)
def test_the_container_that_publishes_a_port_is_named_with_its_stop_command(
    line: str, command: str | None
) -> None:
    found = parse(f"{line}\n", "docker", 3001)
    assert (found.stop_command if found else None) == command
