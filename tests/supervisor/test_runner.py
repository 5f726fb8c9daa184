"""The runner on a fake host: effects become calls, what happens becomes facts."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from devstack.host import process_facts
from devstack.host.base import Command, Ending
from devstack.host.model import ProcessId
from devstack.host.pump import Pump
from devstack.probes.base import Answer
from devstack.run import events
from devstack.run.facts import RestartRequested, ShutdownRequested
from devstack.run.hub import Hub
from devstack.run.lifecycle import begin
from devstack.run.state import Need, RestartMode, Spec
from devstack.stack.model import ProbeKind, Ready
from devstack.supervisor import runner
from devstack.supervisor.children import Output, in_loop
from devstack.supervisor.gate import Target
from devstack.supervisor.runner import Runner
from tests.conftest import PATIENCE
from tests.fakes import FakeChild, FakeHost


class Silent:
    """Output that nobody writes."""

    def write(self, block: bytes) -> None:
        pass

    def idle(self) -> None:
        pass

    def end(self) -> None:
        pass

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        return ("the last line",)

    def watch(self, pattern: str, matched: Callable[[str], None]) -> None:
        pass


class Declared:
    """Services whose gate is a command that answers what the test says."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.finished_steps: list[tuple[str, bool]] = []

    def command(self, service: str) -> Command:
        return Command(argv=(service,), cwd=Path("/"), env={}, tag=service)

    def target(self, service: str, members: Callable[[], tuple[ProcessId, ...]]) -> Target:
        async def ask() -> Answer:
            return self.answers.get(service, Answer(ok=True, detail="well"))

        return Target(service=service, ready=Ready(kind=ProbeKind.COMMAND), members=members, command=ask)

    def explain(self, service: str, ending: Ending, tail: tuple[str, ...]) -> tuple[str, bool]:
        return "", False

    def adopt(self) -> None:
        """There is one stack only."""

    def finished(self, service: str, ok: bool) -> None:
        self.finished_steps.append((service, ok))


def command_target(
    ask: Callable[[], Awaitable[Answer]],
) -> Callable[[str, Callable[[], tuple[ProcessId, ...]]], Target]:
    ready = Ready(kind=ProbeKind.COMMAND)
    return lambda service, members: Target(service=service, ready=ready, members=members, command=ask)


class Stage:
    """A runner whose events drive the test: `on[event class]` is called when one is published."""

    def __init__(self, *specs: Spec, prepare: Callable[[FakeChild], None] = lambda child: None) -> None:
        self.host = FakeHost(prepare)
        self.declared = Declared()
        self.hub = Hub(lambda: 0.0)
        self.seen: list[events.Event] = []
        self.on: dict[tuple[type[events.Event], str], Callable[[], None]] = {}
        self.specs = specs
        self.output: Callable[[str, int], Output] = lambda service, generation: Silent()

    async def run(self) -> int:
        pump = Pump()
        loop = asyncio.get_running_loop()
        running = Runner(
            begin(self.specs),
            hub=self.hub,
            host=self.host,
            services=self.declared,
            output=self.output,
            pump=pump,
        )
        _, subscription = self.hub.subscribe(lambda: loop.call_soon_threadsafe(self.react) and None)
        self.subscription = subscription
        try:
            async with asyncio.timeout(PATIENCE):
                return await running.execute()
        finally:
            pump.stop()
            self.react()

    def react(self) -> None:
        for envelope in self.subscription.take():
            self.seen.append(envelope.event)
            act = self.on.pop((type(envelope.event), getattr(envelope.event, "service", "")), None)
            if act is not None:
                act()

    def end(self) -> None:
        self.hub.post(ShutdownRequested(reason="test", code=130))

    def names(self, kind: type[events.ServiceEvent]) -> list[str]:
        return [one.service for one in self.seen if isinstance(one, kind)]


async def test_a_dependent_is_spawned_after_the_gate_and_stopped_before_its_dependency() -> None:
    stage = Stage(Spec(name="a", gate=True), Spec(name="b", gate=True, needs=(Need(service="a"),)))
    stage.on[events.RunReady, ""] = stage.end
    assert await stage.run() == 130
    assert [child.command.tag for child in stage.host.started] == ["a", "b"]
    assert stage.names(events.ServiceReady) == ["a", "b"]
    assert stage.names(events.ServiceStopped) == ["b", "a"]
    assert all(child.is_released for child in stage.host.started)


async def test_a_missing_program_fails_the_service_with_the_hosts_words() -> None:
    stage = Stage(Spec(name="a", gate=True))
    stage.host.missing.add("a")
    assert await stage.run() == 4
    failed = [one for one in stage.seen if isinstance(one, events.ServiceFailed)]
    assert failed[0].reason == "a not found"


async def test_the_last_lines_come_with_the_exit() -> None:
    stage = Stage(Spec(name="a", gate=True, restart=RestartMode.NEVER))
    stage.on[events.ServiceReady, "a"] = lambda: stage.host.started[0].end(Ending(code=3))
    assert await stage.run() == 4
    exited = next(one for one in stage.seen if isinstance(one, events.ServiceExited))
    assert (exited.code, exited.tail) == (3, ("the last line",))


async def test_whoever_ignores_term_gets_kill_after_the_grace() -> None:
    def stubborn(child: FakeChild) -> None:
        child.is_stubborn = True

    stage = Stage(Spec(name="a", gate=True, grace=0.05), prepare=stubborn)
    stage.on[events.RunReady, ""] = stage.end
    assert await stage.run() == 130
    assert stage.host.started[0].signals[:2] == ["TERM", "KILL"]


async def test_a_restart_replaces_the_process_once() -> None:
    stage = Stage(Spec(name="a", gate=True))

    def twice() -> None:
        stage.on[events.ServiceReady, "a"] = stage.end
        for _ in range(3):
            stage.hub.post(RestartRequested(services=("a",)))

    stage.on[events.RunReady, ""] = twice
    assert await stage.run() == 130
    assert len(stage.host.started) == 2


async def test_an_answer_that_is_not_good_is_told_once() -> None:
    stage = Stage(Spec(name="a", gate=True))
    stage.declared.answers["a"] = Answer(ok=False, detail="not yet")

    def mend() -> None:
        stage.declared.answers.clear()

    stage.on[events.ProbeFailed, "a"] = mend
    stage.on[events.RunReady, ""] = stage.end
    assert await stage.run() == 130
    told = [one.detail for one in stage.seen if isinstance(one, events.ProbeFailed)]
    assert told == ["not yet"]


async def test_a_gate_that_missed_its_cancellation_does_not_keep_the_run_open() -> None:
    stage = Stage(Spec(name="a", gate=True))
    cancelled: list[str] = []

    async def deaf() -> Answer:
        stage.end()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:  # as a library may do by mistake
            cancelled.append("once")
        await asyncio.sleep(600)
        return Answer(ok=False, detail="never")

    stage.declared.target = command_target(deaf)  # type: ignore[method-assign]
    assert await stage.run() == 130
    assert cancelled == ["once"]


def says_and_ends(child: FakeChild, code: int) -> None:
    """It writes one line and is gone before anybody reads it."""
    os.close(child.output)
    child.output, out = os.pipe()
    os.write(out, b"the last words\n")
    os.close(out)
    child.end(Ending(code=code))


async def test_the_end_of_the_run_is_told_after_output_that_a_slow_reader_held_up() -> None:
    stage = Stage(Spec(name="a", oneshot=True), prepare=lambda child: says_and_ends(child, 0))
    may_go_on = threading.Event()

    class Slow(Silent):
        def write(self, block: bytes) -> None:
            assert may_go_on.wait(PATIENCE)
            stage.hub.publish(events.OutputBlock(service="a", generation=1, data=block))

    stage.output = lambda service, generation: Slow()
    stage.on[events.ServiceExited, "a"] = stage.end
    stage.on[events.RunStopping, ""] = may_go_on.set
    await stage.run()
    kinds = [type(one) for one in stage.seen]
    assert kinds.index(events.RunStopping) < kinds.index(events.OutputBlock) < kinds.index(events.RunFinished)
    assert kinds[-1] is events.RunFinished


async def test_who_has_ended_does_not_become_ready_while_its_last_output_is_read() -> None:
    spec = Spec(name="a", settle=0.01, restart=RestartMode.NEVER)
    stage = Stage(spec, prepare=lambda child: says_and_ends(child, 1))
    may_go_on = threading.Event()

    class Slow(Silent):
        def write(self, block: bytes) -> None:
            assert may_go_on.wait(PATIENCE)

    stage.output = lambda service, generation: Slow()
    stage.on[events.ServiceExited, "a"] = may_go_on.set
    await stage.run()
    assert stage.names(events.ServiceExited)[:1] == ["a"]
    assert stage.names(events.ServiceReady) == []


async def test_what_output_calls_for_after_the_end_of_the_run_is_left() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    in_loop(loop, lambda: None)


async def test_a_gate_that_fails_for_a_bug_is_watched_again() -> None:
    stage = Stage(Spec(name="a", gate=True))
    stage.on[events.RunReady, ""] = stage.end
    asked: list[str] = []

    async def ask() -> Answer:
        asked.append("once more")
        if len(asked) == 1:
            raise KeyError("a bug")
        return Answer(ok=True, detail="well")

    stage.declared.target = command_target(ask)  # type: ignore[method-assign]
    assert await stage.run() == 130
    assert [one.detail for one in stage.seen if isinstance(one, events.ProbeFailed)] == [
        "devstack failed (KeyError)"
    ]
    assert stage.names(events.ServiceReady) == ["a"]


async def test_a_gate_that_keeps_failing_before_readiness_fails_its_service_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "AGAIN_AFTER", (0.0, 0.0))
    stage = Stage(
        Spec(name="a", gate=True), Spec(name="b", gate=True), Spec(name="c", needs=(Need(service="a"),))
    )

    async def ask() -> Answer:
        raise KeyError("a bug")

    well, broken = stage.declared.target, command_target(ask)
    stage.declared.target = lambda name, members: (broken if name == "a" else well)(name, members)  # type: ignore[method-assign]
    stage.on[events.ServiceFailed, "c"] = stage.end
    assert await stage.run() == 4
    failed = {one.service: one.reason for one in stage.seen if isinstance(one, events.ServiceFailed)}
    assert failed["a"] == "devstack failed (KeyError)"
    assert list(failed) == ["a", "c"]
    assert stage.names(events.ServiceReady) == ["b"]


async def test_a_watch_that_fails_after_readiness_is_told_and_taken_up_again() -> None:
    stage = Stage(Spec(name="a", gate=True))
    own = process_facts.kin(os.getpid())
    assert own is not None
    looks: list[str] = []

    def members() -> tuple[ProcessId, ...]:
        looks.append("once more")
        if len(looks) == 2:  # the first look was for readiness
            raise KeyError("a bug")
        return (own.id,)

    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target(
            service="a",
            ready=Ready(kind=ProbeKind.TCP),
            members=members,
            port=server.getsockname()[1],
            warms=True,
        )
        stage.declared.target = lambda service, members: target  # type: ignore[method-assign]

        def degraded() -> None:
            stage.on[events.ServiceReady, "a"] = stage.end

        stage.on[events.ServiceDegraded, "a"] = degraded
        assert await stage.run() == 130
    assert [one.detail for one in stage.seen if isinstance(one, events.ServiceDegraded)] == [
        "devstack failed (KeyError)"
    ]
    assert stage.names(events.ServiceFailed) == []


async def test_a_start_that_fails_for_a_bug_fails_its_service_alone() -> None:
    stage = Stage(Spec(name="a", gate=True), Spec(name="b", gate=True))
    well = stage.declared.command

    def command(service: str) -> Command:
        if service == "a":
            raise KeyError("a bug")
        return well(service)

    stage.declared.command = command  # type: ignore[method-assign]
    stage.on[events.ServiceReady, "b"] = stage.end
    assert await stage.run() == 4
    failed = {one.service: one.reason for one in stage.seen if isinstance(one, events.ServiceFailed)}
    assert failed == {"a": "devstack failed (KeyError)"}


async def test_an_exit_that_cannot_be_explained_for_a_bug_is_known_all_the_same() -> None:
    stage = Stage(Spec(name="a", gate=True, restart=RestartMode.NEVER))

    def explain(service: str, ending: Ending, tail: tuple[str, ...]) -> tuple[str, bool]:
        raise KeyError("a bug")

    stage.declared.explain = explain  # type: ignore[method-assign]
    stage.on[events.ServiceReady, "a"] = lambda: stage.host.started[0].end(Ending(code=3))
    assert await stage.run() == 4
    failed = next(one for one in stage.seen if isinstance(one, events.ServiceFailed))
    assert failed.reason == "exited 3: devstack failed (KeyError)"
