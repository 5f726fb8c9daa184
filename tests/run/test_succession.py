"""Scripted histories of a run that goes over to another stack."""

from __future__ import annotations

from devstack.run import effects, facts
from devstack.run.state import Phase, Spec
from tests.run.test_lifecycle import History, gated, need, signals


def replaced(*specs: Spec) -> facts.StackReplaced:
    return facts.StackReplaced(specs=specs)


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
