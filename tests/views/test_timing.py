"""What the time of a start went into, and how it compares with earlier ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from devstack.host.private_folder import PrivateFolder
from devstack.run.critical_chain import critical_chain
from devstack.run.lifecycle import begin
from devstack.run.state import Kind, Need, Spec
from devstack.views.timing import Timing, TimingHistory
from tests.views.three_services import SPECS, ready, state


def test_the_chain_leads_through_the_dependency_that_was_ready_last() -> None:
    fresh = begin(
        [
            Spec(name="db"),
            Spec(name="slow"),
            Spec(name="web.setup", kind=Kind.SETUP, oneshot=True, target="web"),
            Spec(name="web", needs=(Need(service="db"), Need(service="slow"), Need(service="web.setup"))),
            Spec(name="aside"),
        ]
    )
    done = {"db": 10.5, "slow": 13.0, "web.setup": 11.0, "web": 14.0, "aside": 12.0}
    services = {name: ready(at) for name, at in done.items()}
    chain = critical_chain(replace(fresh, began_at=10.0, services=MappingProxyType(services)))
    assert [(link.service, link.seconds) for link in chain] == [("slow", 3.0), ("web", 1.0)]


def test_a_run_in_which_nothing_got_ready_has_no_chain() -> None:
    assert critical_chain(begin(SPECS)) == ()


@pytest.mark.parametrize(
    ("seconds", "earlier", "words"),
    [
        (2.0, (), ""),
        (2.0, (2.05,), "as fast as the last run"),
        (3.0, (2.0,), "50% slower than the last run (2.0 s)"),
        (5.0, (2.0,), "2.5 times as long as the last run (2.0 s)"),
        (1.0, (2.0, 2.0, 9.0), "50% faster than the last 3 runs (median 2.0 s)"),
        (0.15, (0.1,), "as fast as the last run"),
    ],
)
def test_the_trend_is_told_against_the_median_of_earlier_runs(
    seconds: float, earlier: tuple[float, ...], words: str
) -> None:
    assert Timing(seconds=seconds, chain=(), earlier=earlier).trend_words == words


def test_runs_of_other_services_and_damaged_lines_are_not_compared(tmp_path: Path) -> None:
    folder = PrivateFolder.beside(tmp_path)
    folder.create()
    folder.write("history.jsonl", b'{"services":["other"],"seconds":9}\nnonsense\n{"services":3}\n')
    history = TimingHistory(folder)
    assert history.remember(state(), 1.0, 100.0).earlier == ()
    assert history.remember(state(), 2.0, 200.0).earlier == (1.0,)


def test_the_history_keeps_the_last_fifty_runs(tmp_path: Path) -> None:
    folder = PrivateFolder.beside(tmp_path)
    folder.create()
    history = TimingHistory(folder)
    for number in range(60):
        history.remember(state(), float(number), 100.0)
    assert len((folder.read("history.jsonl") or b"").splitlines()) == 50


def test_a_history_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    history = TimingHistory(PrivateFolder(tmp_path / "missing"))
    assert history.remember(state(), 1.0, 100.0).seconds == 1.0
