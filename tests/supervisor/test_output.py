from __future__ import annotations

import pytest

from devstack.env.redact import Redactor
from devstack.run.events import Event, OutputBlock
from devstack.supervisor.output import TAIL_BYTES, ServiceOutput


class Parts:
    """A generation's output with what it stores and publishes."""

    def __init__(self, *secrets: str) -> None:
        self.stored: list[bytes] = []
        self.published: list[Event] = []
        self.output = ServiceOutput(
            service="web",
            generation=3,
            publish=self.published.append,
            redaction=Redactor(secrets).stream(),
            store=self.stored.append,
        )


def test_what_is_stored_and_what_is_published_are_the_same_redacted_bytes() -> None:
    parts = Parts("super-secret-value")
    parts.output.write(b"key=super-secret-value\nplain\n")
    parts.output.end()
    assert b"".join(parts.stored) == b"key=[redacted]\nplain\n"
    assert parts.published == [OutputBlock(service="web", generation=3, data=b"".join(parts.stored))]


def test_the_beginning_of_a_secret_waits_for_the_rest() -> None:
    parts = Parts("super-secret-value")
    parts.output.write(b"is super-sec")
    parts.output.write(b"ret-value\n")
    parts.output.end()
    assert b"".join(parts.stored) == b"is [redacted]\n"


def test_the_end_gives_what_was_held_back() -> None:
    parts = Parts("super-secret-value")
    parts.output.write(b"it was super")
    parts.output.end()
    assert b"".join(parts.stored) == b"it was super"


def test_the_tail_is_the_last_lines_redacted() -> None:
    parts = Parts("super-secret-value")
    for number in range(100):
        parts.output.write(b"%d super-secret-value\n" % number)
    parts.output.write(b"unfinished \xff")
    tail = parts.output.tail(3)
    assert tail == ("98 [redacted]", "99 [redacted]", "unfinished \ufffd")
    assert len(parts.output.tail()) == 20


def test_the_tail_of_silence_is_empty() -> None:
    assert Parts().output.tail() == ()


def test_the_tail_stays_small_whatever_is_written() -> None:
    parts = Parts()
    for _ in range(100):
        parts.output.write(b"x" * 100_000)
    assert sum(map(len, parts.output.tail())) <= 2 * TAIL_BYTES


@pytest.mark.parametrize(
    "blocks",
    [
        [b"starting\nregistered worker 7\nmore\n"],
        [b"starting\nregist", b"ered worker 7\nmore\n"],
        [b"x" * 100_000 + b"\n", b"registered worker 7\n"],
        [b"registered worker 7"],
    ],
)
def test_a_log_probe_gets_the_line_that_matched_once(blocks: list[bytes]) -> None:
    parts, found = Parts(), list[str]()
    parts.output.watch("registered worker", found.append)
    for block in blocks:
        parts.output.write(block)
    parts.output.write(b"registered worker 8\n")
    assert len(found) == 1
    assert found[0].startswith("registered worker")


def test_a_log_probe_that_comes_late_sees_what_was_written_before() -> None:
    parts, found = Parts(), list[str]()
    parts.output.write(b"registered worker 7\n")
    parts.output.watch("registered worker", found.append)
    assert found == ["registered worker 7"]


def test_a_pattern_matches_within_one_line_only() -> None:
    parts, found = Parts(), list[str]()
    parts.output.watch("^ready$", found.append)
    parts.output.write(b"not ready\nready soon\n")
    assert found == []
    parts.output.write(b"ready\n")
    assert found == ["ready"]
