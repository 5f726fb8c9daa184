"""Waiting for a service over the control socket: what counts, and when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from devstack.control.client import ControlClient
from devstack.run.events import RunFinished
from devstack.run.state import Phase
from tests.conftest import PATIENCE
from tests.control.runs import Run


def later(action: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def test_wait_answers_when_the_service_becomes_ready(run: Run, client: ControlClient) -> None:
    client.state()  # the server is up
    thread = later(lambda: run.move("web", Phase.READY))
    assert client.wait("web", "ready", timeout=PATIENCE)[0] == "reached"
    thread.join()


def test_wait_answers_when_the_service_failed(run: Run, client: ControlClient) -> None:
    run.move("web", Phase.FAILED)
    outcome, service = client.wait("web", "ready", timeout=PATIENCE)
    assert (outcome, service["phase"]) == ("failed", "failed")


def test_wait_ends_at_its_timeout(client: ControlClient) -> None:
    assert client.wait("web", "ready", timeout=0.05)[0] == "timeout"


def test_wait_ends_when_the_run_ends(run: Run, client: ControlClient) -> None:
    client.state()

    def end() -> None:
        run.hub.publish(RunFinished(), replace(run.hub.state, finished=True))

    thread = later(end)
    assert client.wait("web", "ready", timeout=PATIENCE)[0] == "failed"
    thread.join()


def test_after_a_restart_the_old_generation_does_not_count_as_ready(run: Run, client: ControlClient) -> None:
    run.move("web", Phase.READY, generation=3)
    before = client.state()["services"][1]
    assert client.wait("web", "ready", timeout=0.05, before=before, anew=True)[0] == "timeout"
    run.move("web", Phase.READY, generation=4)
    assert client.wait("web", "ready", timeout=PATIENCE, before=before, anew=True)[0] == "reached"


def test_after_a_request_the_old_failure_does_not_count(run: Run, client: ControlClient) -> None:
    run.move("web", Phase.FAILED)
    before = client.state()["services"][1]
    assert client.wait("web", "ready", timeout=0.05, before=before)[0] == "timeout"
    run.move("web", Phase.FAILED)
    assert client.wait("web", "ready", timeout=PATIENCE, before=before)[0] == "failed"


def test_stopped_can_be_waited_for(run: Run, client: ControlClient) -> None:
    run.move("web", Phase.STOPPING)
    assert client.wait("web", "stopped", timeout=0.05)[0] == "timeout"
    run.move("web", Phase.STOPPED)
    assert client.wait("web", "stopped", timeout=PATIENCE)[0] == "reached"


def test_what_another_request_started_again_was_stopped_all_the_same(run: Run, client: ControlClient) -> None:
    run.move("web", Phase.READY, generation=1)
    before = client.state()["services"][1]
    assert client.wait("web", "stopped", timeout=0.05, before=before, anew=True)[0] == "timeout"
    run.move("web", Phase.PENDING, generation=1)
    assert client.wait("web", "stopped", timeout=PATIENCE, before=before, anew=True)[0] == "reached"
    run.move("web", Phase.READY, generation=2)
    assert client.wait("web", "stopped", timeout=PATIENCE, before=before, anew=True)[0] == "reached"
    assert client.wait("web", "stopped", timeout=0.05)[0] == "timeout"


def test_an_answered_wait_listens_no_longer(run: Run, client: ControlClient) -> None:
    run.move("web", Phase.READY)
    for _ in range(3):
        client.wait("web", "ready", timeout=PATIENCE)
        client.wait("server", "ready", timeout=0.01)
    assert run.hub.subscribers == 0
