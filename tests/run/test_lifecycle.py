"""Scripted histories of the fold: what is fed, and which effects and events must follow."""

from __future__ import annotations

import pytest

from devstack.run import effects, events, facts
from devstack.run.facts import Timer
from devstack.run.lifecycle import TRANSITIONS, IllegalTransition, begin
from devstack.run.schedule import holds, roots
from devstack.run.state import Condition, Goal, Kind, Phase, RestartMode, Spec
from devstack.run.transitions import Draft, check, mermaid
from tests.run.history import History, gated, need, signals

# --- order and gates ---


def test_a_chain_starts_one_after_the_other_and_a_fan_out_at_once() -> None:
    history = History(
        gated("a"), gated("b", need("a")), gated("c", need("a")), gated("d", need("b"), need("c"))
    )
    assert history.spawned() == ["a"]
    history.up("a")
    assert history.spawned() == ["a", "b", "c"]
    history.up("b")
    assert history.spawned() == ["a", "b", "c"]
    history.up("c")
    assert history.spawned() == ["a", "b", "c", "d"]


def test_a_started_process_is_enough_for_the_condition_started() -> None:
    history = History(gated("a"), gated("b", need("a", Condition.STARTED)))
    assert history.spawned() == ["a"]
    history.started("a")
    assert history.spawned() == ["a", "b"]


def test_what_needs_a_failed_service_is_skipped_at_once_with_the_root_cause() -> None:
    never = RestartMode.NEVER
    history = History(gated("a", restart=never), gated("b", need("a")), gated("c", need("b")))
    history.started("a")
    history.exits("a", 1)
    reasons = {one.service: one.reason for one in history.told(events.ServiceFailed)}  # type: ignore[attr-defined]
    assert reasons == {"a": "exited 1", "b": "a exited 1", "c": "a exited 1"}
    assert history.state.code == 4
    assert history.state.finished


def test_an_exit_ends_the_wait_for_the_probe() -> None:
    history = History(gated("a", restart=RestartMode.NEVER), gated("b", need("a")))
    history.started("a")
    history.exits("a", 0)
    assert history.state.services["b"].reason == "a exited 0 before it was ready"


def test_a_one_shot_releases_its_dependents_when_it_completes() -> None:
    history = History(Spec(name="migrate", oneshot=True), gated("web", need("migrate")))
    history.started("migrate")
    assert history.spawned() == ["migrate"]
    history.exits("migrate", 0)
    assert history.phase("migrate") is Phase.COMPLETED
    assert history.spawned() == ["migrate", "web"]
    history.up("web")
    assert history.state.was_ready


def test_dependents_wait_through_a_restart_that_cures() -> None:
    history = History(gated("a"), gated("b", need("a")))
    history.started("a")
    history.exits("a", 1)
    assert history.phase("a") is Phase.BACKOFF
    assert history.phase("b") is Phase.PENDING
    history.fires("a", Timer.BACKOFF)
    history.up("a")
    assert history.spawned() == ["a", "a", "b"]


def test_a_late_dependent_waits_while_its_dependency_does_not_answer() -> None:
    history = History(gated("a"), gated("slow"), gated("b", need("a"), need("slow")))
    history.up("a")
    history.feed(facts.ProbeMissed(service="a", generation=1, detail="nothing listens"))
    assert history.phase("a") is Phase.DEGRADED
    history.up("slow")
    assert history.phase("b") is Phase.PENDING
    history.ready("a")
    assert history.spawned() == ["a", "slow", "b"]


def test_an_optional_dependency_that_fails_is_only_a_warning() -> None:
    history = History(gated("a", optional=True, restart=RestartMode.NEVER), gated("b", need("a")))
    history.started("a")
    history.exits("a", 1)
    assert history.spawned() == ["a", "b"]
    history.up("b")
    assert history.state.was_ready


def test_without_a_gate_living_for_a_moment_counts_as_ready() -> None:
    history = History(Spec(name="a"), gated("b", need("a")))
    history.started("a")
    assert history.phase("a") is Phase.STARTING
    history.fires("a", Timer.SETTLE)
    assert history.spawned() == ["a", "b"]


def test_a_service_that_ended_cleanly_is_not_ready_for_those_that_need_it() -> None:
    history = History(Spec(name="a"), gated("b", need("a")), gated("c", need("a", Condition.STARTED)))
    history.started("a")
    history.exits("a", 0)
    assert history.phase("a") is Phase.COMPLETED
    assert history.phase("b") is Phase.FAILED
    assert history.state.services["b"].reason == "a exited 0"
    assert history.spawned() == ["a", "c"]


def test_a_service_that_is_not_ready_in_time_is_stopped_and_fails() -> None:
    history = History(gated("a", within=2.0), gated("b", need("a")))
    history.started("a")
    history.feed(facts.ProbeMissed(service="a", generation=1, detail="connection refused"))
    assert signals(history.fires("a", Timer.BUDGET)) == [("a", False)]
    history.exits("a", 0)
    assert history.phase("a") is Phase.FAILED
    assert history.state.services["b"].reason == "a was not ready within 2s: connection refused"


def test_a_budget_that_ran_out_after_readiness_means_nothing() -> None:
    history = History(gated("a"))
    history.up("a")
    assert history.fires("a", Timer.BUDGET) == []


def test_an_external_service_is_watched_and_never_signalled_for_real() -> None:
    history = History(Spec(name="db", kind=Kind.EXTERNAL, gate=True), gated("a", need("db")))
    history.up("db")
    history.up("a")
    history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))
    history.exits("a", 0)
    history.gone("db")
    assert history.state.finished


# --- failures ---


def test_the_backoff_doubles_up_to_its_limit_and_then_it_is_given_up() -> None:
    history = History(gated("a", backoff_min=0.5, backoff_max=2.0, restart_limit=4))
    delays = []
    for _ in range(5):
        history.started("a")
        found = history.exits("a", 1)
        delays += [one.seconds for one in found if isinstance(one, effects.Arm)]
        history.fires("a", Timer.BACKOFF)
    assert delays == [0.5, 1.0, 2.0, 2.0]
    assert history.state.services["a"].reason == "exited 1 (5 times in a row)"


def test_having_been_ready_starts_the_count_of_failures_anew() -> None:
    history = History(gated("a", restart_limit=1))
    for _ in range(5):
        history.up("a")
        history.exits("a", 1)
        assert history.phase("a") is Phase.BACKOFF
        history.fires("a", Timer.BACKOFF)


def test_what_cannot_be_cured_by_another_start_fails_at_once() -> None:
    history = History(gated("a"))
    history.started("a")
    history.exits("a", 1, hopeless=True, cause="the npm package x is not installed")
    assert history.phase("a") is Phase.FAILED
    assert history.state.services["a"].reason == "exited 1: the npm package x is not installed"


def test_a_program_that_is_missing_fails_without_a_second_try() -> None:
    history = History(gated("a"), gated("b", need("a")))
    history.feed(facts.SpawnFailed(service="a", generation=1, reason="node not found"))
    assert history.phase("a") is Phase.FAILED
    assert history.state.services["b"].reason == "a node not found"


def test_members_that_outlive_their_leader_are_stopped_before_the_next_start() -> None:
    history = History(gated("a"))
    history.up("a")
    assert signals(history.exits("a", 1, remains=True)) == [("a", False)]
    assert history.phase("a") is Phase.STOPPING
    history.gone("a")
    assert history.phase("a") is Phase.BACKOFF


def test_always_restarts_also_after_a_clean_exit() -> None:
    history = History(gated("a", restart=RestartMode.ALWAYS))
    history.up("a")
    history.exits("a", 0)
    assert history.phase("a") is Phase.BACKOFF


def test_a_failing_setup_step_stops_only_what_needs_it() -> None:
    setup = Spec(name="web.setup", kind=Kind.SETUP, oneshot=True, restart=RestartMode.NEVER, target="web")
    history = History(setup, gated("web", need("web.setup", Condition.COMPLETED)), gated("ws"))
    assert history.spawned() == ["web.setup", "ws"]
    history.started("web.setup")
    history.exits("web.setup", 1)
    assert history.state.services["web"].reason == "setup of web exited 1"
    assert history.phase("ws") is Phase.STARTING
    finished = history.told(events.SetupFinished)
    assert [(one.service, one.ok) for one in finished] == [("web", False)]  # type: ignore[attr-defined]


def test_a_setup_step_that_was_told_to_stop_has_not_failed() -> None:
    setup = Spec(name="web.setup", kind=Kind.SETUP, oneshot=True, restart=RestartMode.NEVER, target="web")
    history = History(setup, gated("web", need("web.setup", Condition.COMPLETED)))
    history.started("web.setup")
    history.feed(facts.ShutdownRequested(reason="Ctrl-C", code=130))
    history.exits("web.setup", -15)
    (finished,) = history.told(events.SetupFinished)
    assert (finished.ok, finished.interrupted, finished.reason) == (False, True, "")  # type: ignore[attr-defined]
    assert history.state.code == 130


# --- requests ---


def test_a_restart_of_what_still_waits_leaves_it_waiting_and_starts_it_once() -> None:
    history = History(gated("a"), gated("b", need("a")))
    history.started("a")
    history.feed(facts.RestartRequested(services=("b",)))
    assert history.phase("b") is Phase.PENDING
    history.ready("a")
    assert history.spawned() == ["a", "b"]


def test_five_restarts_during_a_slow_stop_give_one_new_instance() -> None:
    history = History(gated("a"))
    history.up("a")
    for _ in range(5):
        history.feed(facts.RestartRequested(services=("a",)))
    assert history.phase("a") is Phase.STOPPING
    history.exits("a", 0)
    assert history.spawned() == ["a", "a"]


def test_a_start_during_a_stop_is_done_after_the_stop() -> None:
    history = History(gated("a"))
    history.up("a")
    history.feed(facts.StopRequested(services=("a",)), facts.StartRequested(services=("a",)))
    assert history.phase("a") is Phase.STOPPING
    history.exits("a", 0)
    assert history.spawned() == ["a", "a"]


def test_a_stopped_service_stays_stopped_and_the_run_goes_on() -> None:
    history = History(gated("a"))
    history.up("a")
    history.feed(facts.StopRequested(services=("a",)))
    history.exits("a", 0)
    assert history.phase("a") is Phase.STOPPED
    assert not history.state.stopping
    history.feed(facts.StartRequested(services=("a",)))
    assert history.spawned() == ["a", "a"]


def test_a_restart_of_several_stops_dependents_first_and_starts_dependencies_first() -> None:
    history = History(gated("ws"), gated("web", need("ws")))
    history.up("ws", "web")
    assert signals(history.feed(facts.RestartRequested(services=("ws", "web")))) == [("web", False)]
    assert signals(history.exits("web", 0)) == [("ws", False)]
    history.exits("ws", 0)
    assert history.spawned() == ["ws", "web", "ws"]
    history.up("ws")
    assert history.spawned() == ["ws", "web", "ws", "web"]


def test_what_restarts_together_waits_for_the_new_dependency_not_for_the_old_one() -> None:
    history = History(gated("ws"), gated("web", need("ws")), gated("agent", need("ws")))
    history.up("ws", "web", "agent")
    history.feed(facts.RestartRequested(services=("ws", "web", "agent")))
    history.exits("web", 0)
    assert history.phase("ws") is Phase.READY  # it goes down after agent
    assert history.phase("web") is Phase.PENDING
    history.exits("agent", 0)
    history.exits("ws", 0)
    assert history.spawned() == ["ws", "web", "agent", "ws"]


def test_curing_a_failure_also_starts_what_was_skipped_because_of_it() -> None:
    history = History(gated("a", restart=RestartMode.NEVER), gated("b", need("a")), gated("other"))
    history.started("a")
    history.exits("a", 1)
    assert history.phase("b") is Phase.FAILED
    history.feed(facts.RestartRequested(services=("a",)))
    assert history.phase("b") is Phase.PENDING
    history.up("a")
    assert history.spawned()[-1] == "b"


def test_a_start_brings_up_what_it_needs() -> None:
    history = History(gated("a"), gated("b", need("a")))
    history.up("a", "b")
    history.feed(facts.StopRequested(services=("a", "b")))
    history.exits("b", 0)
    history.exits("a", 0)
    history.feed(facts.StartRequested(services=("b",)))
    assert history.spawned() == ["a", "b", "a"]


def test_a_fact_of_an_older_generation_changes_nothing() -> None:
    history = History(gated("a"))
    history.up("a")
    history.feed(facts.RestartRequested(services=("a",)))
    history.exits("a", 0)
    before = history.state
    assert history.feed(facts.ProcessExited(service="a", generation=1, code=1)) == []
    assert history.feed(facts.ProbePassed(service="a", generation=1)) == []
    assert history.state == before


# --- waiting is data ---


def test_holds_name_the_blocker_its_phase_and_its_last_answer() -> None:
    history = History(gated("a"), gated("b", need("a")), gated("c", need("b")))
    history.started("a")
    history.feed(facts.ProbeMissed(service="a", generation=1, detail="connection refused"))
    waits = holds(history.state)
    assert {name: [one.blocker for one in found] for name, found in waits.items()} == {"b": ["a"], "c": ["b"]}
    assert waits["b"][0].detail == "connection refused"
    assert roots(history.state) == ("a",)


# --- the table ---


def test_an_illegal_transition_names_both_phases() -> None:
    with pytest.raises(IllegalTransition, match="ws: stopped cannot become ready"):
        check("ws", Phase.STOPPED, Phase.READY)


def test_every_phase_can_be_reached_and_left() -> None:
    reached = {after for followers in TRANSITIONS.values() for after in followers}
    assert reached == set(Phase)
    assert all(TRANSITIONS[phase] for phase in Phase)


def test_a_draft_changes_phases_along_the_table_only() -> None:
    draft = Draft(begin([Spec(name="a")]), 1.0)
    with pytest.raises(IllegalTransition):
        draft.move("a", Phase.READY)
    assert draft.move("a", Phase.STARTING, goal=Goal.RUN).since == 1.0


def test_the_diagram_has_one_arrow_for_each_transition() -> None:
    arrows = sum(len(followers) for followers in TRANSITIONS.values())
    assert mermaid().count("-->") == arrows + 1
