"""Programs told by their command lines, and command lines as they may be shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devstack.host import programs
from devstack.host.command_text import shown_command
from devstack.host.judging import Context, classify
from devstack.host.model import HolderClass, ProcessId, Trait
from devstack.host.process_facts import Facts, Kin


def facts_of(
    *argv: str,
    executable: str | None = None,
    name: str | None = None,
    uid: int | None = None,
    cgroup: str = "",
) -> Facts:
    """A made-up process with this command line."""
    kin = Kin(
        id=ProcessId(pid=4_000_000, started_at=1.0),
        parent=1,
        group=0,
        session=0,
        terminal=0,
        is_dead=False,
        name=name or Path(argv[0].split()[0]).name[:15],
    )
    return Facts(
        kin=kin,
        created=0.0,
        uid=os.geteuid() if uid is None else uid,
        argv=argv,
        executable=executable or argv[0],
        cwd="/nowhere",
        run=None,
        service=None,
        cgroup=cgroup,
    )


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "3001"),
        ("/usr/bin/conmon", "--api-version", "1"),
        ("rootlessport",),
        ("/usr/libexec/podman/gvproxy",),
        ("/Applications/Docker.app/Contents/MacOS/com.docker.backend", "run"),
        (
            "/Applications/OrbStack.app/Contents/Frameworks/OrbStack Helper.app/Contents/MacOS/OrbStack Helper",
        ),
        ("ssh: /people/me/.colima/_lima/colima/ssh.sock [mux]",),
        ("/usr/bin/pasta", "--config-net"),
    ],
)
def test_container_machinery_is_recognised(argv: tuple[str, ...]) -> None:
    assert programs.container_proxy(facts_of(*argv)) is not None


def test_a_process_inside_a_container_on_the_host_network_is_the_containers() -> None:
    inside = facts_of("node", "server.js", cgroup=f"/system.slice/docker-{'ab12' * 16}.scope")
    verdict = classify(inside, Context())
    assert verdict.holder_class is HolderClass.CONTAINER
    assert verdict.stop_with == "docker stop ab12ab12ab12"


def test_processes_of_the_container_that_we_live_in_are_ordinary() -> None:
    group = f"/docker/{'ab12' * 16}"
    context = Context()
    object.__setattr__(context, "cgroup", group)
    assert classify(facts_of("node", "server.js", cgroup=group), context).holder_class is HolderClass.FOREIGN


@pytest.mark.parametrize(
    ("argv", "trait"),
    [
        (("/usr/share/code/code", "--type=utility"), Trait.EDITOR),
        (("node", "/people/me/.vscode-server/bin/abc/out/server-main.js"), Trait.EDITOR),
        (("node", "/r/node_modules/.bin/typescript-language-server", "--stdio"), Trait.EDITOR),
        (("claude",), Trait.EDITOR),
        (("ssh", "-N", "-L", "3001:localhost:3001", "host"), Trait.TUNNEL),
        (("postgres: writer process",), Trait.DATABASE),
        (("/usr/bin/redis-server 127.0.0.1:6379",), Trait.DATABASE),
        (("node", "/people/me/.cursor/worktrees/app/server.js"), None),
        (("python3", "code.py"), None),
        (("node", "redis-server.js"), None),
        (("bash", "-c", "cd code && npm run dev"), None),
    ],
)
def test_programs_that_are_no_dev_servers_are_recognised_and_only_they(
    argv: tuple[str, ...], trait: Trait | None
) -> None:
    executable = (
        argv[0] if argv[0] in ("claude", "ssh") else f"/usr/bin/{Path(argv[0].split()[0]).name.rstrip(':')}"
    )
    assert programs.trait(facts_of(*argv, executable=executable)) is trait


def test_the_receiver_of_a_mac_is_named_with_its_setting() -> None:
    note = programs.system_note(
        facts_of("/System/Library/CoreServices/ControlCenter.app/Contents/MacOS/ControlCenter")
    )
    assert note is not None
    assert "AirPlay Receiver" in note


@pytest.mark.parametrize(
    ("argv", "is_runner"),
    [
        (("npm run dev",), True),
        (("npm exec next dev",), True),
        (("node", "/r/node_modules/.bin/nodemon", "server.js"), True),
        (("node", "--watch", "server.js"), True),
        (("python3", "/v/bin/uvicorn", "main:app", "--reload"), True),
        (("python3", "-m", "honcho", "start"), True),
        (("node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "run", "dev"), True),
        (("timeout", "60", "npm", "run", "dev"), True),
        (("tmux", "new", "-d", "npm run dev"), False),
        (("bash",), False),
        (("node", "server.js"), False),
        (("python3", "-m", "pytest", "npm"), False),
    ],
)
def test_runners_are_told_by_what_they_are_not_by_their_arguments(
    argv: tuple[str, ...], is_runner: bool
) -> None:
    executable = f"/usr/bin/{argv[0].split()[0]}" if argv[0].split()[0] != "npm" else "/usr/bin/node"
    assert programs.is_runner(facts_of(*argv, executable=executable)) is is_runner


@pytest.mark.parametrize(
    ("argv", "is_command"),
    [
        (("sh", "-c", "node server.js"), True),
        (("/bin/bash", "-lc", "node server.js"), True),
        (("-bash",), False),
        (("bash", "dev.sh"), False),
        (("zsh", "-i"), False),
    ],
)
def test_only_a_shell_with_a_command_is_a_wrapper(argv: tuple[str, ...], is_command: bool) -> None:
    assert programs.is_shell_command(facts_of(*argv)) is is_command


@pytest.mark.parametrize(
    ("argv", "is_interactive"),
    [
        (("-zsh",), True),
        (("bash",), True),
        (("zsh", "-i"), True),
        (("bash", "dev.sh"), False),
        (("sh", "-c", "x"), False),
    ],
)
def test_a_shell_where_a_person_types_starts_nothing_again(
    argv: tuple[str, ...], is_interactive: bool
) -> None:
    assert programs.is_interactive_shell(facts_of(*argv)) is is_interactive


def test_a_process_manager_is_asked_to_stop_what_it_keeps_running() -> None:
    child = facts_of("node", "server.js")
    manager = facts_of("PM2 v5.4.0: God Daemon (/people/me/.pm2)", executable="/usr/bin/node")
    assert programs.supervisor(manager) is not None
    assert programs.supervisor(child) is None


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (("node", "server.js", "--token=abc123"), "node server.js --token=***"),
        (("node", "server.js", "--api-key", "abc123"), "node server.js --api-key ***"),
        (("sh", "-c", "JWT_SECRET=abc npm run dev"), "sh -c JWT_SECRET=*** npm run dev"),
        (("psql", "postgres://me:pw@host/db"), "psql postgres://***@host/db"),
        (("curl", "-H", "Authorization: Bearer abc.def"), "curl -H Authorization: *** ***"),
        (("x", "ws://h/?token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln&a=1"), "x ws://h/?token=***&a=1"),
        (("evil\x1b[31mred\x07", "\u202eabc"), "evil [31mred   abc"),
        (("next", "dev", "-p", "3000"), "next dev -p 3000"),
        ((), "[kworker]"),
    ],
)
def test_a_shown_command_line_has_no_secrets_and_no_control_characters(
    argv: tuple[str, ...], shown: str
) -> None:
    assert shown_command(argv, "kworker") == shown
