"""Scripted histories of a run that goes over to another stack."""

from __future__ import annotations

from devstack.run import effects, events, facts
from devstack.run.state import Phase, RestartMode, Spec
from tests.run.test_lifecycle import History, gated, need, signals


def replaced(*specs: Spec, unchanged: tuple[str, ...] = ()) -> facts.StackReplaced:
    return facts.StackReplaced(specs=specs, unchanged=frozenset(unchanged))


def adoptions(history: History) -> int:
    return sum(isinstance(one, effects.Adopt) for one in history.effects)


def test_the_old_stack_goes_down_in_order_before_the_new_one_comes_up_in_order() -> None:
    history = History(gated("ws"), gated("web", need("ws")), gated("old"))
    history.up("ws", "old", "web")
    assert signals(history.feed(replaced(gated("auth"), gated("ws", need("auth")), gated("web")))) == [
        ("old", False),
        ("web", False),
    ]
    history.gone("old")
    assert signals(history.gone("web")) == [("ws", False)]
    assert adoptions(history) == 0
    last = history.gone("ws")
    spawns = [one.service for one in last if isinstance(one, effects.Spawn)]
    assert spawns == ["auth", "web"]
    kinds = [type(one) for one in last if isinstance(one, effects.Adopt | effects.Spawn)]
    assert kinds == [effects.Adopt, effects.Spawn, effects.Spawn]
    assert list(history.state.services) == ["auth", "ws", "web"]
    history.up("auth")
    assert history.generation("ws") == 2
    assert history.generation("auth") == 1


def test_what_is_unchanged_runs_on_while_the_others_change() -> None:
    history = History(gated("db"), gated("ws", need("db")), gated("web", need("ws")), gated("old"))
    history.up("db", "ws", "web", "old")
    new = (gated("db"), gated("ws", need("db")), gated("web", need("ws")), gated("new", need("db")))
    effects_now = history.feed(replaced(*new, unchanged=("db", "web")))
    assert signals(effects_now) == [("old", False), ("ws", False)]
    history.gone("old")
    assert adoptions(history) == 0
    last = history.gone("ws")
    assert [one.service for one in last if isinstance(one, effects.Spawn)] == ["ws", "new"]
    assert adoptions(history) == 1
    assert [history.generation(name) for name in ("db", "ws", "web", "new")] == [1, 2, 1, 1]
    history.feed(facts.ProbeMissed(service="web", generation=1, detail="no answer"))
    assert history.phase("web") is Phase.DEGRADED  # its facts still count


def test_with_nothing_to_stop_the_new_stack_takes_over_at_once() -> None:
    history = History(gated("a"))
    history.up("a")
    history.feed(replaced(gated("a", grace=1.0), gated("b"), unchanged=("a",)))
    assert adoptions(history) == 1
    assert history.spawned() == ["a", "b"]
    history.feed(facts.StopRequested(services=("a",)))
    (stopping,) = history.told(events.ServiceStopping)
    assert stopping.grace == 1.0  # type: ignore[attr-defined]


def test_unchanged_but_failed_stopped_or_waiting_services_are_started_and_completed_ones_are_not() -> None:
    once = {"oneshot": True, "gate": False, "restart": RestartMode.NEVER}
    specs = (gated("failed", restart_limit=0), gated("stopped"), Spec(name="once", **once), gated("a"))  # type: ignore[arg-type]
    history = History(*specs)
    history.up("stopped", "a")
    history.started("failed")
    history.exits("failed", 1)
    history.started("once")
    history.exits("once", 0)
    history.feed(facts.StopRequested(services=("stopped",)))
    history.gone("stopped")
    history.feed(replaced(*specs, unchanged=tuple(spec.name for spec in specs)))
    assert [history.phase(spec.name) for spec in specs] == [
        Phase.STARTING,
        Phase.STARTING,
        Phase.COMPLETED,
        Phase.READY,
    ]


def test_what_is_removed_and_comes_back_before_it_is_gone_is_started_again() -> None:
    history = History(gated("a"), gated("b"))
    history.up("a", "b")
    history.feed(replaced(gated("a"), unchanged=("a",)))
    history.feed(replaced(gated("a"), gated("b"), unchanged=("a", "b")))
    history.gone("b")
    assert (history.generation("a"), history.generation("b")) == (1, 2)


def test_two_changes_in_a_row_end_with_the_second() -> None:
    history = History(gated("a"))
    history.up("a")
    history.feed(replaced(gated("a"), gated("b")), replaced(gated("a"), gated("c")))
    history.gone("a")
    assert list(history.state.services) == ["a", "c"]
    assert adoptions(history) == 1


def test_a_start_that_comes_between_does_not_keep_the_old_stack_up() -> None:
    history = History(gated("ws"), gated("web", need("ws")))
    history.up("ws", "web")
    history.feed(replaced(gated("ws"), gated("web", need("ws"))))
    history.feed(facts.StartRequested(services=("ws",)))
    assert signals(history.gone("web")) == [("ws", False)]
    history.gone("ws")
    assert adoptions(history) == 1


def test_what_is_stopped_meanwhile_stays_stopped() -> None:
    history = History(gated("a"), gated("b"))
    history.up("a", "b")
    history.feed(replaced(gated("a"), gated("b")), facts.StopRequested(services=("b",)))
    history.gone("a")
    history.gone("b")
    assert (history.phase("a"), history.phase("b")) == (Phase.STARTING, Phase.STOPPED)


def test_what_had_failed_is_tried_anew_and_facts_of_a_removed_service_change_nothing() -> None:
    history = History(gated("a", restart_limit=0), gated("b"))
    history.up("b")
    history.started("a")
    history.exits("a", 1)
    assert history.phase("a") is Phase.FAILED
    history.feed(replaced(gated("a")))
    history.gone("b")
    assert history.phase("a") is Phase.STARTING
    before = history.state
    history.feed(facts.ProbeMissed(service="b", generation=1, detail="late"))
    assert history.state == before


def test_a_service_that_comes_back_counts_its_generations_on() -> None:
    history = History(gated("a"), gated("b"))
    history.up("a", "b")
    history.feed(replaced(gated("a")))
    history.gone("b")
    history.gone("a")
    history.up("a")
    history.feed(replaced(gated("a"), gated("b")))
    history.gone("a")
    assert history.generation("b") == 2


def test_the_end_of_the_run_wins_over_a_successor() -> None:
    history = History(gated("a"))
    history.up("a")
    history.feed(replaced(gated("b")), facts.ShutdownRequested(reason="Ctrl-C", code=130))
    history.gone("a")
    assert history.state.finished
    assert (adoptions(history), history.spawned()) == (0, ["a"])


def test_whoever_ends_a_run_in_which_something_failed_for_good_gets_4() -> None:
    history = History(gated("a", restart_limit=0), gated("b"))
    history.up("b")
    history.started("a")
    history.exits("a", 1)
    assert not history.state.stopping
    history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))
    history.gone("b")
    assert history.state.code == 4


def test_a_failure_that_was_cured_or_is_optional_does_not_change_the_exit_code() -> None:
    history = History(gated("a", restart_limit=0), gated("b", optional=True, restart_limit=0), gated("c"))
    history.up("c")
    for name in ("a", "b"):
        history.started(name)
        history.exits(name, 1)
    history.feed(facts.RestartRequested(services=("a",)))
    history.up("a")
    history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))
    history.gone("a")
    history.gone("c")
    assert history.state.code == 130
