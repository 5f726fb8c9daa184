"""The fold against a simulated world that knows nothing of the fold's state: what lives, answers, was told to go."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devstack.run import effects, facts
from devstack.run.events import RunFinished, ServiceReady
from devstack.run.facts import Fact, Timer
from devstack.run.lifecycle import begin, step
from devstack.run.state import Condition, Goal, Kind, RunState, Spec
from tests.strategies import NAMES, graphs


@dataclass
class Process:
    """What really is there."""

    service: str
    generation: int
    leader_lives: bool = True
    others_live: bool = False
    answers: bool = False
    terminated: bool = False
    killed: bool = False
    exit_code: int | None = None

    @property
    def lives(self) -> bool:
        return self.leader_lives or self.others_live


@dataclass
class World:
    """Performs effects; facts wait in `mail` until somebody delivers them."""

    specs: dict[str, Spec]
    processes: list[Process] = field(default_factory=list)
    mail: list[Fact] = field(default_factory=list)
    timers: list[effects.Arm] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    successor: dict[str, Spec] | None = None
    leaving: list[Process] = field(default_factory=list)
    done: bool = False
    finished_code: int | None = None
    spawned_after_shutdown: bool = False

    def living(self, service: str) -> list[Process]:
        return [one for one in self.processes if one.service == service and one.lives]

    def find(self, service: str, generation: int) -> Process | None:
        found = [p for p in self.processes if (p.service, p.generation) == (service, generation)]
        return found[-1] if found else None


class Fold(RuleBasedStateMachine):
    """Random histories, also with facts that come late."""

    @initialize(specs=graphs())
    def build(self, specs: tuple[Spec, ...]) -> None:
        self.world = World(specs={spec.name: spec for spec in specs})
        self.state: RunState = begin(specs)
        self.now = 0.0
        self.shut = 0
        self.failed_for_good: set[str] = set()
        self.feed(facts.RunBegan())

    # --- the world ---

    def feed(self, fact: Fact) -> None:
        self.now += 0.01
        self.state, todo = step(self.state, fact, self.now)
        for effect in todo:
            self.perform(effect)

    def perform(self, effect: effects.Effect) -> None:
        world = self.world
        match effect:
            case effects.Spawn():
                self.spawn(effect)
            case effects.Signal():
                process = world.find(effect.service, effect.generation)
                assert process is not None, "a signal for something that was never started"
                process.terminated = True
                process.killed = process.killed or effect.kill
                if world.specs[effect.service].kind is Kind.EXTERNAL:
                    process.leader_lives = False
                    world.mail.append(facts.TreeGone(service=effect.service, generation=effect.generation))
            case effects.Arm():
                world.timers.append(effect)
            case effects.Publish(event=RunFinished() as event):
                world.finished_code = event.code
            case effects.Publish(event=ServiceReady() as event):
                process = world.find(event.service, event.generation)
                assert process is not None and process.lives, "ready without a process"
            case effects.Adopt():
                assert world.successor is not None, "a stack that nobody declared"
                assert not any(one.lives for one in world.leaving), "the former stack lives on"
                world.specs, world.successor = world.successor, None
            case effects.Finish():
                world.done = True

    def spawn(self, effect: effects.Spawn) -> None:
        world, spec = self.world, self.world.specs[effect.service]
        assert not world.living(effect.service), "two instances of one service"
        assert self.shut == 0, "a start after the shutdown"
        for need in spec.needs:
            self.check_need(need.service, need.condition)
        world.processes.append(Process(service=effect.service, generation=effect.generation))
        world.mail.append(
            facts.ProcessStarted(service=effect.service, generation=effect.generation, pid=effect.generation)
        )

    def check_need(self, service: str, condition: Condition) -> None:
        """The oracle: what the dependent was promised really holds in the world."""
        spec, living = self.world.specs[service], self.world.living(service)
        if spec.optional and not living:
            return
        if service in self.world.completed and not living:
            assert spec.oneshot or condition is not Condition.READY, f"{service} is not ready, it ended"
            return
        assert living, f"{service} does not live"
        assert condition is not Condition.COMPLETED, f"{service} has not completed"
        if condition is Condition.READY and spec.gate:
            assert living[-1].answers, f"{service} does not answer"
        assert not living[-1].terminated, f"{service} is going down"

    # --- what may happen ---

    @precondition(lambda self: self.world.mail)
    @rule(index=st.integers(0, 50))
    def deliver(self, index: int) -> None:
        self.feed(self.world.mail.pop(index % len(self.world.mail)))

    @precondition(lambda self: self.world.timers)
    @rule(index=st.integers(0, 50))
    def fire(self, index: int) -> None:
        one = self.world.timers.pop(index % len(self.world.timers))
        self.feed(facts.TimerFired(service=one.service, generation=one.generation, timer=one.timer))

    @rule(service=st.sampled_from(NAMES), passes=st.booleans())
    def probe(self, service: str, passes: bool) -> None:
        living = self.world.living(service)
        if living and living[-1].leader_lives and self.world.specs[service].gate:
            process = living[-1]
            if any(
                isinstance(one, facts.ProcessStarted) and one.generation == process.generation
                for one in self.world.mail
                if getattr(one, "service", "") == service
            ):
                return  # nobody probes before the start is known
            process.answers = passes
            kind = facts.ProbePassed if passes else facts.ProbeMissed
            self.feed(kind(service=service, generation=process.generation, detail="probe"))

    @rule(service=st.sampled_from(NAMES), code=st.sampled_from((0, 1)), forks=st.booleans())
    def exit_by_itself(self, service: str, code: int, forks: bool) -> None:
        for process in self.world.living(service):
            if process.leader_lives and self.world.specs[service].kind is not Kind.EXTERNAL:
                self.leader_ends(process, code, forks)

    @rule(service=st.sampled_from(NAMES), forks=st.booleans())
    def obey(self, service: str, forks: bool) -> None:
        for process in self.world.living(service):
            if process.terminated and process.leader_lives:
                self.leader_ends(process, -15, forks and not process.killed)

    @rule(service=st.sampled_from(NAMES))
    def tree_ends(self, service: str) -> None:
        for process in self.world.living(service):
            if process.others_live and not process.leader_lives and process.terminated:
                process.others_live = False
                self.world.mail.append(facts.TreeGone(service=service, generation=process.generation))

    def leader_ends(self, process: Process, code: int, forks: bool) -> None:
        process.leader_lives, process.others_live, process.answers = False, forks, False
        process.exit_code = code
        if code == 0:
            self.world.completed.add(process.service)
        else:
            self.world.completed.discard(process.service)
        self.feed(
            facts.ProcessExited(
                service=process.service, generation=process.generation, code=code, remains=forks
            )
        )

    @rule(services=st.lists(st.sampled_from(NAMES), min_size=1, unique=True), what=st.integers(0, 2))
    def request(self, services: list[str], what: int) -> None:
        kind = (facts.StartRequested, facts.StopRequested, facts.RestartRequested)[what]
        self.feed(kind(services=tuple(services)))

    @precondition(lambda self: self.shut == 0)
    @rule(drawn=graphs(), kept=st.sets(st.sampled_from(NAMES)), runs_on=st.booleans())
    def replace_stack(self, drawn: tuple[Spec, ...], kept: set[str], runs_on: bool) -> None:
        """Another stack.toml is applied; some services mean the same in it, and their processes stay."""
        names = {spec.name for spec in drawn}
        same = {
            name: spec
            for name, spec in self.world.specs.items()
            if name in kept & names and all(need.service in names for need in spec.needs)
        }
        new = {spec.name: same.get(spec.name, spec) for spec in drawn}
        unchanged = frozenset(same) if runs_on else frozenset()
        living = [one for one in self.world.processes if one.lives]
        untouched = [
            one
            for one in living
            if one.service in unchanged and self.state.services[one.service].goal is Goal.RUN
        ]
        told = [one for one in untouched if one.terminated]
        self.world.successor = new
        self.world.leaving = [one for one in living if one not in untouched]
        self.feed(facts.StackReplaced(specs=tuple(new.values()), unchanged=unchanged))
        assert [one for one in untouched if one.terminated] == told, "it has not changed, why stop it"

    @rule(service=st.sampled_from(NAMES), timer=st.sampled_from(Timer))
    def stale_facts(self, service: str, timer: Timer) -> None:
        """Facts of an older generation must change nothing at all."""
        current = self.state.services.get(service)
        if current is None or current.generation < 2:
            return
        before, old = self.state, current.generation - 1
        for fact in (
            facts.TimerFired(service=service, generation=old, timer=timer),
            facts.ProcessExited(service=service, generation=old, code=1),
            facts.ProbePassed(service=service, generation=old),
            facts.TreeGone(service=service, generation=old),
        ):
            self.feed(fact)
        assert self.state == before

    @precondition(lambda self: self.shut < 2)
    @rule(really=st.integers(0, 9))
    def shut_down(self, really: int) -> None:
        if really == 0:
            self.shut += 1
            self.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))

    # --- what must hold ---

    @invariant()
    def one_instance(self) -> None:
        for name in self.world.specs:
            assert len(self.world.living(name)) <= 1

    @invariant()
    def after_shutdown_everything_living_was_told(self) -> None:
        if not self.state.stopping:
            return
        for process in self.world.processes:
            if process.lives and not process.terminated:
                assert not self.state.forced, "a forced end leaves nobody untold"
                dependents = [
                    name
                    for name, spec in self.world.specs.items()
                    if any(need.service == process.service for need in spec.needs)
                ]
                untold = {one.service for one in self.world.mail if isinstance(one, facts.TreeGone)}
                waits = any(self.world.living(name) or name in untold for name in dependents)
                assert waits, f"{process.service} was forgotten"

    @invariant()
    def finished_means_empty(self) -> None:
        if self.world.done:
            assert not any(process.lives for process in self.world.processes)
            assert self.world.finished_code == self.state.code

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.feed(facts.ShutdownRequested(reason="end", code=130))
        for _ in range(200):
            if self.world.done:
                break
            while self.world.mail:
                self.feed(self.world.mail.pop(0))
            for one in [t for t in self.world.timers if t.timer is Timer.GRACE]:
                self.world.timers.remove(one)
                self.feed(facts.TimerFired(service=one.service, generation=one.generation, timer=one.timer))
            for process in list(self.world.processes):
                if process.killed and process.leader_lives:
                    self.leader_ends(process, -9, False)
                elif process.killed and process.others_live:
                    process.others_live = False
                    self.feed(facts.TreeGone(service=process.service, generation=process.generation))
        assert self.world.done, f"the shutdown does not end: {dict(self.state.services)}"
        assert not any(process.lives for process in self.world.processes)


TestFold = Fold.TestCase
TestFold.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
