from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from devstack.host.private_folder import PrivateFolder
from devstack.run import events
from devstack.run.events import Envelope, Event
from devstack.run.state import Phase, Probe, RunState, ServiceState
from devstack.views.console import Console
from devstack.views.screen import Screen
from devstack.views.style import Style
from devstack.views.timing import TimingHistory
from tests.views.three_services import ready, state


class Terminalless:
    """A console that writes to a file; `lines` is what is there."""

    def __init__(self, path: Path, history: TimingHistory | None = None) -> None:
        self.path = path
        self.now = 100.0
        self.handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        screen = Screen(self.handle, Style(unicode=False), ["server", "agent", "web"])
        addresses = {"server": "ws://localhost:3001", "web": "http://localhost:5173"}
        self.console = Console(screen, addresses=addresses, history=history, clock=lambda: self.now)

    def show(self, event: Event, at: RunState | None = None) -> None:
        self.console.show(Envelope(seq=1, at=self.now, event=event), at or state())

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()


@pytest.fixture
def console(tmp_path: Path) -> Terminalless:
    return Terminalless(tmp_path / "out")


def shown(console: Terminalless, several: Sequence[Event]) -> list[str]:
    for event in several:
        console.show(event)
    os.close(console.handle)
    return console.lines()


def test_a_start_reads_like_a_story(console: Terminalless) -> None:
    assert shown(
        console,
        [
            events.RunStarted(stack="voice", run="x", services=("server", "agent", "web")),
            events.DoctorFinished(warnings=1),
            events.PortFreed(port=3001, service="server", pid=7, command="node old.js"),
            events.SetupStarted(service="web", command="npm ci", reason="node_modules is missing"),
            events.SetupFinished(service="web", ok=True, seconds=2.0),
            events.ServiceStarted(service="server", generation=1, pid=8, port=3001),
            events.OutputBlock(service="server", generation=1, data=b"listening\n"),
            events.ServiceReady(service="server", generation=1, seconds=0.5, note="IPv6 only"),
        ],
    ) == [
        "voice  3 services: server, agent, web",
        "! 1 warning: `devstack doctor` shows them",
        "ok port 3001 of server freed: stopped pid 7 (node old.js)",
        "web    > setup: npm ci (node_modules is missing)",
        "web    ok setup done in 2.0 s",
        "server > started (pid 8, port 3001)",
        "server | listening",
        "server * ready in 0.5 s  ws://localhost:3001 (IPv6 only)",
    ]


def test_a_failure_is_explained_above_its_last_lines(console: Terminalless) -> None:
    tail = ("Error: listen EADDRINUSE", "    at \x1b[2JServer")
    assert shown(
        console,
        [
            events.ServiceExited(service="web", code=1, cause="port 5173 is held by pid 9", tail=tail),
            events.ServiceRestarting(service="web", delay=0.5, attempt=1, limit=5, reason="exited 1"),
            events.ServiceExited(service="web", code=1, cause="port 5173 is held by pid 9", tail=tail),
            events.ServiceFailed(service="web", reason="exited 1"),
            events.ServiceFailed(service="agent", reason="server exited 1", skipped=True),
        ],
    ) == [
        "web    x exited 1: port 5173 is held by pid 9",
        "web    : its last 2 lines:",
        "web    : Error: listen EADDRINUSE",
        "web    :     at Server",
        "web    ~ restarting in 0.5 s (attempt 1 of 5): exited 1",
        "web    x exited 1: port 5173 is held by pid 9",
        "web    x failed: exited 1",
        "agent  x not started: server exited 1",
    ]


def test_a_cause_is_told_once(console: Terminalless) -> None:
    said = "exited 1: port 5173 is already in use"
    assert shown(
        console,
        [
            events.ServiceExited(service="web", code=1, cause="port 5173 is already in use"),
            events.ServiceRestarting(service="web", delay=0.5, attempt=1, limit=5, reason=said),
            events.ServiceExited(service="web", code=1, cause="port 5173 is already in use"),
            events.ServiceFailed(service="web", reason=f"{said} (2 times in a row)"),
        ],
    ) == [
        f"web    x {said}",
        "web    ~ restarting in 0.5 s (attempt 1 of 5): exited 1",
        f"web    x {said}",
        "web    x failed: exited 1 (2 times in a row)",
    ]


def test_the_same_last_lines_are_told_once_also_when_it_seemed_ready_in_between(
    console: Terminalless,
) -> None:
    died = events.ServiceExited(service="web", code=1, tail=("Error: listen EADDRINUSE",))
    lines = shown(console, [died, events.ServiceReady(service="web"), died])
    assert sum("EADDRINUSE" in line for line in lines) == 1
    assert sum("exited 1" in line for line in lines) == 2


def restart(service: str, reason: str) -> list[Event]:
    return [
        events.ServiceStopping(service=service, reason=reason, returns=True),
        events.ServiceExited(service=service, code=0, expected=True),
        events.ServiceStopped(service=service, returns=True),
        events.ServiceRestarting(service=service, reason=reason),
        events.ServiceStarted(service=service, generation=2, pid=8),
    ]


def test_a_stop_that_overtakes_a_restart_is_told_and_so_is_the_next_restart(console: Terminalless) -> None:
    overtaken = [*restart("web", "requested")[:2], events.ServiceStopped(service="web")]
    again = events.ServiceRestarting(service="web", reason="exited 1", delay=1.0, attempt=1, limit=5)
    assert shown(console, [*overtaken, again]) == [
        "web    ~ restarting: requested",
        "web    # stopped",
        "web    ~ restarting in 1.0 s (attempt 1 of 5): exited 1",
    ]


def test_a_restart_is_one_line_and_none_when_a_change_told_it(console: Terminalless) -> None:
    changed = events.EnvChanged(services=("web",), variables=("A",), files=(".env",))
    assert shown(
        console,
        [changed, *restart("web", "A changed"), *restart("web", "requested"), *restart("agent", "A changed")],
    ) == [
        "~ A changed in .env -> restarting web",
        "web    > started (pid 8)",
        "web    ~ restarting: requested",
        "web    > started (pid 8)",
        "agent  ~ restarting: A changed",
        "agent  > started (pid 8)",
    ]


def test_a_stop_in_the_middle_of_a_restart_is_told(console: Terminalless) -> None:
    several = [*restart("web", "requested")[:2], events.RunStopping(), events.ServiceStopped(service="web")]
    assert shown(console, several)[-1] == "web    # stopped"


def test_the_sum_tells_failed_and_not_started_apart(console: Terminalless) -> None:
    failed = ServiceState(phase=Phase.FAILED, since=101.0, generation=1, reason="exited 1")
    skipped = replace(failed, skipped=True, generation=0)
    end = state(server=failed, agent=skipped, web=skipped)
    console.show(events.ServiceFailed(service="server", reason="exited 1"), end)
    for name in ("agent", "web"):
        console.show(events.ServiceFailed(service=name, reason="server exited 1", skipped=True), end)
    os.close(console.handle)
    assert console.lines()[-2:] == [
        "x 0 of 3 services ready; server failed, agent and web were not started.",
        "  `devstack restart server` tries again.",
    ]


def test_a_death_by_signal_is_named(console: Terminalless) -> None:
    assert shown(console, [events.ServiceExited(service="web", signal="KILL")]) == [
        "web    x was ended by signal KILL"
    ]


def test_an_expected_exit_is_no_failure(console: Terminalless) -> None:
    assert shown(console, [events.ServiceExited(service="web", code=143, expected=True, tail=("x",))]) == []


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.EnvChanged(services=("server", "web"), variables=("KEY",), files=("server/.env",)),
            "~ KEY changed in server/.env -> restarting server and web",
        ),
        (
            events.EnvChanged(services=("web",), variables=("KEY",), files=(".env",), action="auto"),
            "~ KEY changed in .env -> web takes it over",
        ),
        (
            events.EnvChanged(variables=("KEY",), files=(".env",), action="held", detail="DS101 at .env:3"),
            "~ KEY changed in .env -> the running processes stay as they are\n  DS101 at .env:3",
        ),
        (
            events.EnvChanged(
                files=("stack.toml",), action="stack-file", detail="run `devstack restart --all`"
            ),
            "~ stack.toml changed\n  run `devstack restart --all`",
        ),
    ],
)
def test_a_change_of_the_environment_names_variable_file_and_consequence(
    console: Terminalless, event: Event, line: str
) -> None:
    assert shown(console, [event]) == line.split("\n")


def test_while_waiting_it_says_every_five_seconds_who_waits_for_what(console: Terminalless) -> None:
    console.show(events.RunStarted(stack="voice", run="x", services=("server", "agent", "web")))
    probe = Probe(ok=False, detail="connection refused")
    now = state(server=ServiceState(phase=Phase.STARTING, since=100.0, generation=1, probe=probe))
    assert console.console.tick(now) == 5.0
    console.now = 104.0
    assert console.console.tick(now) == 1.0
    console.now = 105.0
    assert console.console.tick(now) == 5.0
    assert console.lines()[1:] == [
        "server . starting for 5.0 s: connection refused; agent waits for it",
        "agent  . waits for server",
        "web    . waits for agent (started)",
    ]
    os.close(console.handle)


def test_once_all_is_ready_nothing_is_due_any_more(console: Terminalless) -> None:
    console.show(events.RunStarted(stack="voice", run="x", services=("server",)))
    console.show(events.RunReady(seconds=1.0), state(server=ready(101.0)))
    assert console.console.tick(state()) is None
    os.close(console.handle)


def test_the_final_table_has_addresses_times_and_what_the_time_went_into(tmp_path: Path) -> None:
    folder = PrivateFolder.beside(tmp_path)
    folder.create()
    lines: list[str] = []
    for run in range(2):
        console = Terminalless(tmp_path / f"out{run}", TimingHistory(folder))
        console.show(events.ServiceReady(service="server", seconds=1.0, note="IPv6 only"))
        console.show(events.ServiceStarted(service="agent", pid=7))
        console.now += 0.5
        console.show(events.ServiceStopped(service="agent", completed=True))
        console.show(events.ServiceReady(service="web", seconds=0.4))
        end = state(
            server=ready(101.0),
            agent=ServiceState(phase=Phase.COMPLETED, since=101.5, generation=1),
            web=ready(101.9),
        )
        console.show(events.RunReady(seconds=1.9), end)
        os.close(console.handle)
        lines = console.lines()
    assert lines[1:5] == [
        "agent  > started (pid 7)",
        "agent  ok completed in 0.5 s",
        "web    * ready in 0.4 s  http://localhost:5173",
        "",
    ]
    assert lines[4:] == [
        "",
        "* Ready in 1.9 s",
        "",
        "  server  1.0 s  ws://localhost:3001    IPv6 only",
        "  agent   0.5 s                         completed",
        "  web     0.4 s  http://localhost:5173",
        "",
        "  The time went into server 1.0 s -> agent 0.5 s -> web 0.4 s; as fast as the last run",
        "",
    ]


def test_when_something_failed_for_good_the_sum_is_told_once(console: Terminalless) -> None:
    failed = ServiceState(phase=Phase.FAILED, since=101.0, generation=1, reason="exited 1")
    waits = state(server=ready(100.0), agent=failed)
    console.show(events.ServiceFailed(service="agent", reason="exited 1"), waits)
    end = state(server=ready(100.0), agent=failed, web=ready(102.0))
    console.show(events.ServiceReady(service="web", seconds=1.0), end)
    console.show(events.ServiceReady(service="web", seconds=1.0), end)
    os.close(console.handle)
    assert [line for line in console.lines() if "of 3" in line] == ["x 2 of 3 services ready; agent failed."]


def test_the_sum_comes_after_the_last_failure(console: Terminalless) -> None:
    failed = ServiceState(phase=Phase.FAILED, since=101.0, generation=1, reason="exited 1")
    end = state(server=failed, agent=failed, web=ready(100.0))
    console.show(events.ServiceFailed(service="server", reason="exited 1"), end)
    console.show(events.ServiceFailed(service="agent", reason="server exited 1", skipped=True), end)
    os.close(console.handle)
    assert [line.split(" ")[0] for line in console.lines()] == ["server", "agent", "x", ""]


def test_a_failure_that_is_optional_is_no_reason_for_a_sum(console: Terminalless) -> None:
    failed = ServiceState(phase=Phase.FAILED, since=101.0, generation=1, reason="exited 1")
    end = state(server=ready(100.0), agent=failed, web=ready(100.0))
    specs = {name: replace(spec, optional=name == "agent") for name, spec in end.specs.items()}
    end = replace(end, specs=MappingProxyType(specs))
    console.show(events.ServiceFailed(service="agent", reason="exited 1", optional=True), end)
    os.close(console.handle)
    assert len(console.lines()) == 1


def test_an_end_in_order_is_told_as_completion_only(console: Terminalless) -> None:
    console.show(events.ServiceExited(service="agent", code=0, tail=("bye",)))
    console.show(events.ServiceStopped(service="agent", completed=True))
    os.close(console.handle)
    assert [line.split()[1:3] for line in console.lines()] == [["ok", "completed"]]


def test_the_waiting_report_begins_again_with_a_new_start(console: Terminalless) -> None:
    console.show(events.RunReady(seconds=1.0), state(server=ready(101.0)))
    console.show(events.ServiceStarted(service="server", generation=2, pid=7))
    starting = state(server=ServiceState(phase=Phase.STARTING, since=100.0, generation=2))
    assert console.console.tick(starting) == 5.0
    console.now = 105.0
    console.console.tick(starting)
    assert any("server . starting for 5.0 s" in line for line in console.lines())
    console.now = 110.0
    all_ready = state(server=ready(106.0), agent=ready(107.0), web=ready(108.0))
    assert console.console.tick(all_ready) is None
    os.close(console.handle)


def test_who_began_to_wait_a_moment_ago_is_reported_later(console: Terminalless) -> None:
    console.show(events.RunStarted(stack="voice", run="x", services=("server",)), state())
    console.now = 105.0
    waits = state(
        server=ServiceState(phase=Phase.STARTING, since=104.0, generation=2),
        agent=ready(100.0),
        web=ready(100.0),
    )
    assert console.console.tick(waits) == 4.0
    console.now = 109.0
    assert console.console.tick(waits) == 5.0
    assert [line for line in console.lines() if " . " in line] == ["server . starting for 5.0 s"]
    os.close(console.handle)


def test_lost_output_is_admitted(console: Terminalless) -> None:
    lost = events.OutputLost(service="web", blocks=2, lines=1200, bytes=9)
    assert shown(console, [lost]) == [
        "web    ! 1,200 lines not shown here, the screen fell behind: `devstack logs web` has them all"
    ]
