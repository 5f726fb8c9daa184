from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.host.pump import PARTIAL_AFTER, READ_SIZE, Pump, Source, incomplete_tail, output_pipe
from tests.e2e.programs import sleeps


class Kept:
    """Keeps what it is given, with times; `arrived` is set at each block."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.ended = threading.Event()
        self.arrived = threading.Event()

    def write(self, block: bytes) -> None:
        self.blocks.append(block)
        self.arrived.set()

    def end(self) -> None:
        self.ended.set()

    @property
    def data(self) -> bytes:
        return b"".join(self.blocks)


@pytest.fixture
def pump() -> Iterator[Pump]:
    running = Pump()
    yield running
    running.stop()


def reading(pump: Pump, kept: Kept) -> tuple[Source, int]:
    """A source and the writing end of its pipe."""
    read_end, write_end = output_pipe()
    source = pump.source(read_end, kept)
    source.begin()
    return source, write_end


def python(code: str, out: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=out)


def caught_up(source: Source) -> None:
    done = threading.Event()
    source.exited(done.set)
    assert done.wait(60)


def test_every_block_but_the_last_ends_with_a_newline(pump: Pump) -> None:
    kept = Kept()
    source, out = reading(pump, kept)
    child = python("import sys\nfor i in range(200000): sys.stdout.write(f'{i} some text\\n')", out)
    os.close(out)
    assert child.wait() == 0
    caught_up(source)
    assert kept.ended.wait(60)
    assert all(block.endswith(b"\n") for block in kept.blocks)
    assert kept.data.split() == [word for i in range(200000) for word in (str(i).encode(), b"some", b"text")]


def test_output_before_the_exit_is_kept_without_a_final_newline(pump: Pump) -> None:
    kept = Kept()
    source, out = reading(pump, kept)
    child = python("import sys; sys.stdout.write('x' * 300000 + '\\nlast words')", out)
    os.close(out)
    child.wait()
    caught_up(source)
    assert kept.data.endswith(b"\nlast words")


def test_a_prompt_without_newline_is_handed_on_while_the_process_waits(pump: Pump) -> None:
    kept = Kept()
    _, out = reading(pump, kept)
    os.write(out, b"before\nName? ")
    while kept.data != b"before\nName? ":
        assert kept.arrived.wait(60)
        kept.arrived.clear()
    assert kept.blocks == [b"before\n", b"Name? "]
    assert PARTIAL_AFTER < 0.3
    os.close(out)
    assert kept.ended.wait(60)


def test_a_grandchild_that_keeps_the_pipe_delays_nothing(pump: Pump) -> None:
    kept = Kept()
    source, out = reading(pump, kept)
    os.write(out, b"said before the exit\n")
    caught_up(source)  # `out` is still open: there is no end-of-file
    assert kept.data == b"said before the exit\n"
    assert not kept.ended.is_set()
    os.write(out, b"said by the grandchild\n")
    source.close(linger=0.2)
    assert kept.ended.wait(60)
    assert kept.data.endswith(b"said by the grandchild\n")
    os.close(out)


def test_a_grandchild_that_never_stops_writing_cannot_hold_up_the_exit(pump: Pump) -> None:
    kept = Kept()
    source, out = reading(pump, kept)
    child = python("import os\nwhile True: os.write(1, b'noise\\n' * 4096)", out)
    os.close(out)
    try:
        assert kept.arrived.wait(60)
        caught_up(source)
        source.close(linger=0.1)
        assert kept.ended.wait(60)
    finally:
        child.kill()
        child.wait()


def test_a_line_longer_than_memory_should_hold_comes_in_pieces(pump: Pump) -> None:
    kept = Kept()
    source, out = reading(pump, kept)
    child = python(
        "import os\nfor _ in range(20): os.write(1, b'y' * 1048576)\nos.write(1, b'\\nend\\n')", out
    )
    os.close(out)
    child.wait()
    caught_up(source)
    assert kept.ended.wait(60)
    assert max(map(len, kept.blocks)) <= 2 * READ_SIZE
    assert len(kept.data) == 20 * 1048576 + 5
    assert kept.data.endswith(b"y\nend\n")


def test_a_long_line_does_not_hold_up_another_service(pump: Pump) -> None:
    loud, quiet = Kept(), Kept()
    _, loud_out = reading(pump, loud)
    _, quiet_out = reading(pump, quiet)
    child = python("import os\nwhile True: os.write(1, b'z' * 1048576)", loud_out)
    os.close(loud_out)
    try:
        assert loud.arrived.wait(60)
        for number in range(20):
            quiet.arrived.clear()
            os.write(quiet_out, b"%d\n" % number)
            assert quiet.arrived.wait(60)
        assert quiet.data == b"".join(b"%d\n" % number for number in range(20))
    finally:
        child.kill()
        child.wait()
        os.close(quiet_out)


def test_pieces_of_a_long_line_do_not_cut_characters(pump: Pump) -> None:
    kept = Kept()
    source, out = reading(pump, kept)
    text = "a" + "€" * 400_000
    child = python("import sys; sys.stdout.buffer.write(('a' + '€' * 400_000).encode())", out)
    os.close(out)
    child.wait()
    caught_up(source)
    assert kept.ended.wait(60)
    for block in kept.blocks:
        block.decode()
    assert kept.data.decode() == text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain", 0),
        ("é".encode(), 0),
        ("é".encode()[:1], 1),
        ("€".encode()[:2], 2),
        ("🙂".encode()[:3], 3),
        ("🙂".encode(), 0),
        (b"\xff", 1),
        (b"\x80\x80\x80\x80", 0),
        (b"", 0),
    ],
)
def test_the_incomplete_end_of_a_character_is_found(data: bytes, expected: int) -> None:
    assert incomplete_tail(data) == expected


def test_stop_hands_on_what_is_in_the_pipe() -> None:
    pump, kept = Pump(), Kept()
    _, out = reading(pump, kept)
    os.write(out, b"one\ntwo")
    pump.stop()
    os.close(out)
    assert kept.data == b"one\ntwo"
    assert kept.ended.is_set()


def test_a_receiver_that_raises_does_not_stop_the_reading() -> None:
    class Broken(Kept):
        def write(self, block: bytes) -> None:
            super().write(block)
            raise ValueError("a bug")

    pump, broken, good = Pump(), Broken(), Kept()
    for kept in (broken, good):
        _, out = reading(pump, kept)
        os.write(out, b"one\n")
        assert kept.arrived.wait(60)
        os.close(out)
        assert kept.ended.wait(60)
    with pytest.raises(ValueError, match="a bug"):
        pump.stop()
    assert (broken.data, good.data) == (b"one\n", b"one\n")


def test_an_order_that_fails_does_not_stop_the_reading() -> None:
    def failing() -> None:
        raise ValueError("a bug")

    pump, kept = Pump(), Kept()
    source, out = reading(pump, kept)
    source.exited(failing)
    os.write(out, b"one\n")
    os.close(out)
    assert kept.ended.wait(60)
    with pytest.raises(ValueError, match="a bug"):
        pump.stop()
    assert kept.data == b"one\n"


def test_what_was_written_is_handed_on_before_the_pump_calls_itself_finished(pump: Pump) -> None:
    kept, done = Kept(), threading.Event()
    _, out = reading(pump, kept)
    os.write(out, b"one\ntwo")
    pump.finish(done.set)
    assert done.wait(60)
    os.close(out)
    assert (kept.data, kept.ended.is_set()) == (b"one\ntwo", True)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads context switches from /proc")
def test_the_thread_sleeps_while_nothing_is_written(pump: Pump) -> None:
    kept = Kept()
    _, out = reading(pump, kept)
    os.write(out, b"hello\n")
    assert kept.arrived.wait(60)
    assert sleeps(next(one for one in threading.enumerate() if one.name == "output"))
    os.close(out)
