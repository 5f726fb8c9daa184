"""Whatever services write, however it is cut into reads: logs are complete, redacted, in order; screen lines whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.env.redact import Redactor
from devstack.host.private_folder import PrivateFolder
from devstack.host.pump import Pump, Source
from devstack.run.events import Event, OutputBlock
from devstack.supervisor.output import ServiceOutput
from devstack.views.logfiles import LogFiles
from devstack.views.screen import Screen
from devstack.views.style import Style

SECRETS = ("9f1c3a7e55d04b62c04d8e11", "aaaaaaaa", "line one\nline two")
MARKER = b"[redacted]"
PIECES = st.one_of(
    st.sampled_from(
        [
            *(b"\n", b"\r\n", b"\r", b" ", b"token=", b"://u:p@h", b"aaaa", b"line one\n", b"line ", b"two"),
            *(b"\x1b[31m", b"\x1b[0m", b"\x1b[2J", b"\x1b[", b"\x1b]0;t", b"\x07", b"\xc3", b"\xa4"),
            *(secret.encode() for secret in SECRETS),
            b"x" * 5000,
        ]
    ),
    st.binary(max_size=12),
)
READS = st.lists(st.lists(PIECES, min_size=1, max_size=6).map(b"".join), max_size=12)
PLAIN = st.lists(
    st.text(alphabet="bcd xyz\n", min_size=1, max_size=40).map(str.encode), min_size=1, max_size=10
)


@pytest.fixture(scope="module")
def pump() -> Iterator[Pump]:
    running = Pump()
    yield running
    running.stop()


class Service:
    """One service's output on its way from reads to its log and to whoever listens."""

    def __init__(self, pump: Pump, name: str, logs: LogFiles, published: list[Event]) -> None:
        self._handle, writing = os.pipe()
        os.close(writing)
        self.output = ServiceOutput(
            service=name,
            generation=1,
            publish=published.append,
            redaction=Redactor(SECRETS).stream(),
            store=logs.store(name),
        )
        self.source = Source(pump, self._handle, self.output)  # never registered: the test reads for it

    def end(self) -> None:
        self.source.end()
        os.close(self._handle)


def shown(blocks: list[OutputBlock], names: tuple[str, ...]) -> list[bytes]:
    """The lines that land in a file."""
    with tempfile.TemporaryFile() as file:
        screen = Screen(file.fileno(), Style(), names)
        for block in blocks:
            screen.output(block.service, block.data)
        screen.finish()
        file.seek(0)
        text = file.read()
    assert text == b"" or text.endswith(b"\n")
    return text.split(b"\n")[:-1]


@given(st.lists(st.tuples(st.sampled_from(("web", "ws")), READS), max_size=4))
@settings(max_examples=150, deadline=None)
def test_logs_hold_what_was_written_and_every_line_on_screen_belongs_to_somebody(
    pump: Pump, turns: list[tuple[str, list[bytes]]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, published = PrivateFolder.beside(Path(name)), list[Event]()
        logs = LogFiles(folder, "a" * 16, pytest.fail)
        services = {one: Service(pump, one, logs, published) for one in ("web", "ws")}
        for one, reads in turns:
            for read in reads:
                services[one].source.take(read)
        for service in services.values():
            service.end()
        logs.close()
        blocks = [event for event in published if isinstance(event, OutputBlock)]
        for one in services:
            written = b"".join(read for who, reads in turns if who == one for read in reads)
            path = folder.path / "logs" / f"{one}.log"
            kept = path.read_bytes() if path.exists() else b""
            assert kept == Redactor(SECRETS).redact_bytes(written)
            assert kept == b"".join(block.data for block in blocks if block.service == one)
    for line in shown(blocks, ("web", "ws")):
        assert line.startswith((b"web | ", b"ws  | "))
        assert b"\x1b" not in line


@given(PLAIN, st.lists(st.integers(min_value=0, max_value=400), max_size=8))
@settings(max_examples=150, deadline=None)
def test_plain_lines_reach_the_screen_as_they_are(pump: Pump, lines: list[bytes], cuts: list[int]) -> None:
    written = b"".join(lines)
    places = sorted({0, len(written), *(cut for cut in cuts if cut < len(written))})
    with tempfile.TemporaryDirectory() as name:
        published = list[Event]()
        logs = LogFiles(PrivateFolder.beside(Path(name)), "a" * 16, pytest.fail)
        service = Service(pump, "web", logs, published)
        for start, end in pairwise(places):
            service.source.take(written[start:end])
        service.end()
        logs.close()
    blocks = [event for event in published if isinstance(event, OutputBlock)]
    expected = written.split(b"\n")
    assert shown(blocks, ("web",)) == [
        b"web | " + line for line in expected[: -1 if expected[-1] == b"" else None]
    ]


@given(READS)
@settings(max_examples=100, deadline=None)
def test_rotation_loses_whole_oldest_files_only(pump: Pump, reads: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = PrivateFolder.beside(Path(name))
        logs = LogFiles(folder, "a" * 16, pytest.fail, cap=2000)
        service = Service(pump, "web", logs, [])
        for read in reads:
            service.source.take(read)
        service.end()
        logs.close()
        files = [folder.path / "logs" / f"web.log{ending}" for ending in (".3", ".2", ".1", "")]
        parts = [path.read_bytes() for path in files if path.exists()]
    wanted = Redactor(SECRETS).redact_bytes(b"".join(reads))
    kept = b"".join(parts)
    assert wanted.endswith(kept)
    assert len(parts) == 4 or kept == wanted
    assert all(part.endswith(b"\n") for part in parts[:-1])
