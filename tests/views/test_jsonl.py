from __future__ import annotations

import json
from pathlib import Path

import pytest

from devstack.host.private_folder import PrivateFolder
from devstack.run import events
from devstack.run.events import Envelope, Event
from devstack.run.public import as_json
from devstack.run.state import RunState
from devstack.views.jsonl import JsonLines
from devstack.views.timing import TimingHistory

# The public form of every event. A change here is a change of the contract with scripts.
SNAPSHOT: list[tuple[Event, dict[str, object]]] = [
    (
        events.RunStarted(stack="voice", run="r1", services=("ws", "web")),
        {"event": "run.started", "stack": "voice", "run": "r1", "services": ["ws", "web"]},
    ),
    (
        events.DoctorFinished(errors=0, warnings=2),
        {"event": "doctor.finished", "errors": 0, "warnings": 2, "skipped": False},
    ),
    (
        events.PortFreed(port=3001, service="ws", pid=7, command="node server.js"),
        {"event": "port.freed", "port": 3001, "service": "ws", "pid": 7, "command": "node server.js"},
    ),
    (
        events.SetupStarted(service="web", command="npm ci", reason="node_modules is missing"),
        {
            "event": "setup.started",
            "service": "web",
            "generation": 0,
            "command": "npm ci",
            "reason": "node_modules is missing",
        },
    ),
    (
        events.SetupFinished(service="web", ok=True, seconds=1.5),
        {
            "event": "setup.finished",
            "service": "web",
            "generation": 0,
            "ok": True,
            "interrupted": False,
            "seconds": 1.5,
            "reason": "",
        },
    ),
    (
        events.ServiceStarting(service="ws", generation=2),
        {"event": "service.starting", "service": "ws", "generation": 2},
    ),
    (
        events.ServiceStarted(service="ws", generation=2, pid=9, port=3001),
        {"event": "service.started", "service": "ws", "generation": 2, "pid": 9, "port": 3001},
    ),
    (
        events.OutputBlock(service="ws", generation=2, data=b"one\ntw\xff\n"),
        {"event": "service.output", "service": "ws", "generation": 2, "text": "one\ntw\ufffd\n"},
    ),
    (
        events.OutputLost(service="ws", blocks=2, lines=30, bytes=900),
        {
            "event": "service.output_lost",
            "service": "ws",
            "generation": 0,
            "blocks": 2,
            "lines": 30,
            "bytes": 900,
        },
    ),
    (
        events.ProbeFailed(service="ws", generation=2, detail="refused"),
        {"event": "service.probe_failed", "service": "ws", "generation": 2, "detail": "refused"},
    ),
    (
        events.ServiceReady(service="ws", generation=2, seconds=0.5, detail="200", note="IPv6 only"),
        {
            "event": "service.ready",
            "service": "ws",
            "generation": 2,
            "seconds": 0.5,
            "detail": "200",
            "note": "IPv6 only",
        },
    ),
    (
        events.ServiceDegraded(service="ws", generation=2, detail="500"),
        {"event": "service.degraded", "service": "ws", "generation": 2, "detail": "500"},
    ),
    (
        events.ServiceExited(service="ws", generation=2, code=1, cause="port held", tail=("a", "b")),
        {
            "event": "service.exited",
            "service": "ws",
            "generation": 2,
            "code": 1,
            "signal": None,
            "expected": False,
            "cause": "port held",
            "tail": ["a", "b"],
        },
    ),
    (
        events.ServiceRestarting(
            service="ws", generation=2, reason="exited 1", delay=0.5, attempt=1, limit=5
        ),
        {
            "event": "service.restarting",
            "service": "ws",
            "generation": 2,
            "reason": "exited 1",
            "delay": 0.5,
            "attempt": 1,
            "limit": 5,
        },
    ),
    (
        events.ServiceStopping(service="ws", generation=2, reason="down", signal="TERM", grace=5.0),
        {
            "event": "service.stopping",
            "service": "ws",
            "generation": 2,
            "reason": "down",
            "signal": "TERM",
            "grace": 5.0,
        },
    ),
    (
        events.ServiceStopped(service="ws", generation=2, survivors=(4,)),
        {"event": "service.stopped", "service": "ws", "generation": 2, "completed": False, "survivors": [4]},
    ),
    (
        events.ServiceFailed(service="ws", generation=2, reason="exited 1"),
        {
            "event": "service.failed",
            "service": "ws",
            "generation": 2,
            "reason": "exited 1",
            "skipped": False,
            "optional": False,
        },
    ),
    (
        events.EnvChanged(services=("ws",), variables=("A",), files=("ws/.env",)),
        {
            "event": "env.changed",
            "services": ["ws"],
            "variables": ["A"],
            "files": ["ws/.env"],
            "action": "restart",
            "detail": "",
        },
    ),
    (events.RunReady(seconds=2.0), {"event": "run.ready", "seconds": 2.0}),
    (events.RunStopping(reason="Ctrl-C"), {"event": "run.stopping", "reason": "Ctrl-C", "forced": False}),
    (events.RunFinished(code=4, seconds=9.0), {"event": "run.finished", "code": 4, "seconds": 9.0}),
]


@pytest.mark.parametrize(("event", "public"), SNAPSHOT, ids=lambda value: getattr(value, "name", ""))
def test_the_public_form_of_an_event_is_stable(event: Event, public: dict[str, object]) -> None:
    envelope = Envelope(seq=12, at=1700000000.1234567, event=event)
    assert as_json(envelope) == {"v": 1, "seq": 12, "t": 1700000000.123457, **public}


def test_every_event_has_a_public_form() -> None:
    classes = [each for each in vars(events).values() if isinstance(each, type) and issubclass(each, Event)]
    here = {each for each in classes if each.name}
    assert {type(event) for event, _ in SNAPSHOT} == here


def test_each_event_is_one_line_whatever_it_contains() -> None:
    written: list[bytes] = []
    view = JsonLines(written.append)
    data = "a\u2028b\u0085c\n\x1b[31m".encode() + b"\xff\n"
    view.show(Envelope(seq=1, at=0.0, event=events.OutputBlock(service="ws", data=data)), RunState())
    text = written[0].decode()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert json.loads(text)["text"] == "a\u2028b\u0085c\n\x1b[31m\ufffd\n"


def test_run_ready_says_what_the_time_was_spent_on(tmp_path: Path) -> None:
    written: list[bytes] = []
    folder = PrivateFolder.beside(tmp_path)
    folder.create()
    view = JsonLines(written.append, TimingHistory(folder))
    view.show(Envelope(seq=1, at=0.0, event=events.RunReady(seconds=1.0)), RunState())
    assert json.loads(written[0])["chain"] == []
