"""States and durations in words."""

from __future__ import annotations

import pytest

from devstack.run.lifecycle import begin
from devstack.run.state import Condition, Kind, Need, Phase, RunState, ServiceState, Spec
from devstack.views.wording import counted, duration, listed, setup_words, waiting
from tests.views.three_services import ready, state


def preparing() -> RunState:
    """`server` waits for its setup, `agent` for `server`; `db` starts."""
    specs = (
        Spec(name="server.setup", kind=Kind.SETUP, target="server", command="npm ci"),
        Spec(name="db"),
        Spec(name="server", needs=(Need(service="server.setup", condition=Condition.COMPLETED),)),
        Spec(name="agent", needs=(Need(service="server"), Need(service="db"))),
    )
    run = begin(specs)
    services = dict(run.services)
    services["server.setup"] = ServiceState(phase=Phase.STARTING, generation=1, since=95.0)
    services["db"] = ServiceState(phase=Phase.STARTING, generation=1, since=98.0)
    return RunState(specs=run.specs, services=services)


def test_a_setup_step_is_said_as_what_its_service_waits_for() -> None:
    assert waiting(preparing(), 100.0) == [
        ("db", "starting for 2.0 s; agent waits for it"),
        ("server", "waits for its setup (npm ci, 5.0 s); agent waits for it"),
        ("agent", "waits for server and db"),
    ]


def test_a_long_setup_command_is_cut() -> None:
    words = setup_words("npm ci " + "--really " * 20, 75)
    assert words.endswith("…, 1 m 15 s)")
    assert len(words) < 80


def test_things_are_counted_in_the_plural_that_they_have() -> None:
    assert [counted(1, "process"), counted(2, "process")] == ["1 process", "2 processes"]
    assert [counted(1, "line"), counted(1200, "line")] == ["1 line", "1,200 lines"]


def test_the_root_blocker_comes_first() -> None:
    now = state(
        server=ready(100.0),
        agent=ServiceState(phase=Phase.STARTING, since=100.0, generation=1),
        web=ServiceState(phase=Phase.BACKOFF, since=110.0, generation=1, reason="exited 1"),
    )
    assert waiting(now, 112.0) == [
        ("agent", "starting for 12 s"),
        ("web", "waiting to start again for 2.0 s: exited 1"),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (1.25, "1.2 s"),
        (9.96, "10 s"),
        (61, "1 m 01 s"),
        (3600 * 2 + 600, "2 h 10 m"),
        (-1, "0.0 s"),
    ],
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("names", "words"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_like_a_sentence(names: list[str], words: str) -> None:
    assert listed(names) == words
