"""Feeds facts to the fold and remembers everything that followed."""

from __future__ import annotations

from devstack.run import effects, events, facts
from devstack.run.facts import Timer
from devstack.run.lifecycle import begin, step
from devstack.run.state import Condition, Need, Phase, Spec


def need(service: str, condition: Condition = Condition.READY) -> Need:
    return Need(service=service, condition=condition)


class History:
    """Feeds facts and remembers everything that followed."""

    def __init__(self, *specs: Spec, **options: bool) -> None:
        self.state = begin(specs, **options)
        self.at = 1.0
        self.effects: list[effects.Effect] = []
        self.feed(facts.RunBegan())

    def feed(self, *told: facts.Fact) -> list[effects.Effect]:
        fresh: list[effects.Effect] = []
        for fact in told:
            self.state, todo = step(self.state, fact, self.at)
            fresh += todo
        self.effects += fresh
        return fresh

    def phase(self, name: str) -> Phase:
        return self.state.services[name].phase

    def generation(self, name: str) -> int:
        return self.state.services[name].generation

    def started(self, name: str) -> list[effects.Effect]:
        return self.feed(facts.ProcessStarted(service=name, generation=self.generation(name), pid=7))

    def ready(self, name: str) -> list[effects.Effect]:
        return self.feed(facts.ProbePassed(service=name, generation=self.generation(name)))

    def up(self, *names: str) -> None:
        for name in names:
            self.started(name)
            self.ready(name)

    def exits(self, name: str, code: int = 0, **more: object) -> list[effects.Effect]:
        return self.feed(
            facts.ProcessExited(service=name, generation=self.generation(name), code=code, **more)  # type: ignore[arg-type]
        )

    def gone(self, name: str) -> list[effects.Effect]:
        return self.feed(facts.TreeGone(service=name, generation=self.generation(name)))

    def fires(self, name: str, timer: Timer) -> list[effects.Effect]:
        return self.feed(facts.TimerFired(service=name, generation=self.generation(name), timer=timer))

    def spawned(self) -> list[str]:
        return [one.service for one in self.effects if isinstance(one, effects.Spawn)]

    def told(self, kind: type[events.Event]) -> list[events.Event]:
        published = [one.event for one in self.effects if isinstance(one, effects.Publish)]
        return [one for one in published if isinstance(one, kind)]


def gated(name: str, *needs: Need, **more: object) -> Spec:
    return Spec(name=name, gate=True, needs=needs, **more)  # type: ignore[arg-type]


def signals(found: list[effects.Effect]) -> list[tuple[str, bool]]:
    return [(one.service, one.kill) for one in found if isinstance(one, effects.Signal)]
