"""States and durations in words."""

from __future__ import annotations

from devstack.run.lifecycle import begin
from devstack.run.state import Condition, Kind, Need, Phase, RunState, ServiceState, Spec
from devstack.views.wording import counted, setup_words, waiting


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
