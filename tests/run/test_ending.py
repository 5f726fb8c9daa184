"""Scripted histories of the end of a run: in order, by force, and by itself."""

from __future__ import annotations

from devstack.run import facts
from devstack.run.facts import Timer
from devstack.run.state import RestartMode, Spec
from tests.run.history import History, gated, need, signals


def test_the_end_comes_in_reverse_dependency_order() -> None:
    history = History(gated("a"), gated("b", need("a")), gated("c", need("b")))
    history.up("a", "b", "c")
    assert signals(history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))) == [("c", False)]
    assert signals(history.exits("c", 0)) == [("b", False)]
    assert signals(history.exits("b", 0)) == [("a", False)]
    history.exits("a", 0)
    assert history.state.finished
    assert history.state.code == 130


def test_whether_somebody_asked_for_the_end_is_remembered() -> None:
    history = History(gated("a"))
    history.up("a")
    before = history.state
    history.feed(facts.ShutdownRequested(reason="devstack down", code=0))
    assert (before.asked, history.state.asked) == (False, True)
    by_itself = History(Spec(name="a", oneshot=True), exit_when_done=True)
    by_itself.exits("a", 0)
    assert (by_itself.state.finished, by_itself.state.asked) == (True, False)


def test_whoever_ignores_the_signal_is_killed_after_the_grace_and_only_once() -> None:
    history = History(gated("a"))
    history.up("a")
    history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))
    assert signals(history.fires("a", Timer.GRACE)) == [("a", True)]
    assert signals(history.fires("a", Timer.GRACE)) == []


def test_the_second_request_kills_everything_at_once() -> None:
    history = History(gated("a"), gated("b", need("a")))
    history.up("a", "b")
    history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))
    found = history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))
    assert sorted(signals(found)) == [("a", True), ("b", True)]
    assert signals(history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))) == []


def test_nothing_starts_after_the_end_began_not_even_out_of_a_backoff() -> None:
    history = History(gated("a"), gated("b", need("a")))
    history.up("a")
    history.started("b")
    history.exits("b", 1)
    history.feed(facts.ShutdownRequested(reason="SIGTERM", code=143))
    assert history.fires("b", Timer.BACKOFF) == []
    history.feed(facts.StartRequested(services=("b",)))
    history.exits("a", 0)
    assert history.spawned() == ["a", "b"]
    assert history.state.code == 143


def test_a_run_whose_services_all_ended_ends_by_itself() -> None:
    history = History(Spec(name="a"), Spec(name="b"))
    history.started("a")
    history.started("b")
    history.exits("a", 0)
    assert not history.state.stopping
    history.exits("b", 0)
    assert history.state.finished
    assert history.state.code == 0


def test_exit_when_done_ends_when_the_one_shots_have_completed() -> None:
    history = History(gated("a"), Spec(name="test", oneshot=True, needs=(need("a"),)), exit_when_done=True)
    history.up("a")
    history.started("test")
    assert signals(history.exits("test", 0)) == [("a", False)]
    history.exits("a", 0)
    assert history.state.code == 0


def test_exit_when_done_ends_with_4_when_something_failed() -> None:
    never = RestartMode.NEVER
    history = History(
        gated("a"), Spec(name="test", oneshot=True, needs=(need("a"),), restart=never), exit_when_done=True
    )
    history.up("a")
    history.started("test")
    history.exits("test", 1)
    history.exits("a", 0)
    assert history.state.code == 4
