from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.views.services import ended_words, services_document, services_table, why
from devstack.views.style import Style


def service(name: str = "web", phase: str = "ready", **more: Any) -> dict[str, Any]:
    usual = {
        "generation": 1,
        "pid": 7,
        "port": 3000,
        "since": 90.0,
        "restarts": 0,
        "waiting_for": [],
        "last_probe": None,
        "reason": "",
        "note": "",
        "optional": False,
    }
    return {**usual, "name": name, "phase": phase, **more}


def test_the_document_has_exactly_the_keys_of_the_contract() -> None:
    assert json.loads(services_document([service()])) == {
        "version": 1,
        "services": [
            {
                "name": "web",
                "phase": "ready",
                "generation": 1,
                "pid": 7,
                "port": 3000,
                "since": 90.0,
                "restarts": 0,
                "waiting_for": [],
                "last_probe": None,
            }
        ],
    }


def test_the_table_leaves_out_columns_that_nobody_needs() -> None:
    text = services_table([service(), service("server", "starting", pid=123)], Style(), 100.0)
    assert text.splitlines() == [
        "SERVICE  PHASE     SINCE  PID  PORT",
        "web      ready      10 s    7  3000".replace(" 10 s", "10 s "),
        "server   starting  10 s   123  3000",
    ]


def test_restarts_are_shown_once_there_are_any() -> None:
    assert "RESTARTS" in services_table([service(restarts=2)], Style(), 100.0)


def test_the_reason_is_cut_for_a_terminal_only() -> None:
    failed = service(phase="failed", reason="exited 1: " + "a long story " * 20)
    whole = services_table([failed], Style(), 100.0)
    cut = services_table([failed], Style(), 100.0, width=80)
    assert whole.splitlines()[1].rstrip().endswith("a long story")
    assert len(cut.splitlines()[1]) <= 80
    assert cut.endswith("…")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (service(phase="pending", waiting_for=["ws", "db"]), "waits for ws and db"),
        (
            service(
                phase="pending",
                waiting_for=["web.setup", "db"],
                setups={"web.setup": {"command": "npm  ci", "since": 95.0}},
            ),
            "waits for its setup (npm ci, 5.0 s) and db",
        ),
        (service(phase="starting", last_probe={"ok": False, "detail": "refused"}), "refused"),
        (service(phase="degraded", last_probe={"ok": False, "detail": "500"}), "500"),
        (service(phase="ready", last_probe={"ok": True, "detail": "200"}), "200"),
        (service(phase="ready", note="IPv6 only", last_probe={"ok": True, "detail": "200"}), "IPv6 only"),
        (service(phase="failed", reason="exited 1"), "exited 1"),
        (
            service(phase="starting", last_probe={"ok": True, "detail": "200"}, reason="env changed"),
            "env changed",
        ),
    ],
)
def test_the_last_column_says_why(one: dict[str, Any], words: str) -> None:
    assert why(one, 100.0) == words


def test_an_end_is_a_sentence() -> None:
    assert ended_words(service(phase="failed", reason="exited 1"), 100.0) == "web failed: exited 1"


def test_what_was_skipped_did_not_fail() -> None:
    skipped = service(phase="failed", reason="server exited 1", skipped=True)
    assert "not started" in services_table([skipped], Style(), 100.0)
    assert ended_words(skipped, 100.0) == "web was not started: server exited 1"
