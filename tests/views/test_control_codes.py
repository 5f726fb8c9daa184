from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.views.control_codes import Tamer

RED, RESET = b"\x1b[31m", b"\x1b[0m"


def plain(block: bytes) -> bytes:
    return Tamer(colour=False).tame(block)


def coloured(block: bytes) -> bytes:
    return Tamer(colour=True).tame(block)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"plain [bold]text[/bold]\n", b"plain [bold]text[/bold]\n"),
        (b"windows\r\nlines\r\n", b"windows\nlines\n"),
        (b"\x1b[2J\x1b[H\x1b[3Jcleared\n", b"cleared\n"),
        (b"\x1bcreset\n", b"reset\n"),
        (b"\x1b[?1049hother screen\x1b[?1049l\n", b"other screen\n"),
        (b"\x1b[?25lhidden cursor\x1b[?25h\n", b"hidden cursor\n"),
        (b"up\x1b[1A\x1b[2K and erase\n", b"up and erase\n"),
        (b"\x1b]0;a title\x07text\n", b"text\n"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", b"link\n"),
        (b"\x1bPsixel data\x1b\\after\n", b"after\n"),
        (b"\x1b(Bcharset\x1b=\n", b"charset\n"),
        (b"a\x07b\x08c\x00d\x7f\n", b"abcd\n"),
        (b"vertical\x0btab form\x0cfeed\n", b"vertical tab form feed\n"),
        ("para\u2028graph".encode() + b"\n", "para\u2028graph".encode() + b"\n"),
        ("eight bit \u009b2Jcsi\n".encode(), b"eight bit 2Jcsi\n"),
        (b"tab\tstays\n", b"tab\tstays\n"),
        ("turned \u202egnp.exe\u202c \u2067around\u2069\n".encode(), b"turned gnp.exe around\n"),
        ("one 👩‍💻 and عربي‌ stay\n".encode(), "one 👩‍💻 and عربي‌ stay\n".encode()),
        (b"\x1b]52;c;cHduZWQ=\x07clipboard\n", b"clipboard\n"),
        (b"\x1b[?2004h\x1b[?1000hmodes\x1b[6n\x1b[c\n", b"modes\n"),
        (b"invalid \xff\xfe end\n", "invalid \ufffd\ufffd end\n".encode()),
        (b"ends in escape \x1b", b"ends in escape "),
        (b"\x1b[>4;2mkeys\x1b[<u\n", b"keys\n"),
    ],
)
def test_only_text_reaches_the_shared_screen(written: bytes, shown: bytes) -> None:
    assert plain(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"10%\r50%\r100%\n", b"100%\n"),
        (b"10%\r50%\r", b"50%"),
        (b"\r20%", b"20%"),
        (b"\x1b[2K\x1b[1Gfirst\x1b[2K\x1b[1Gsecond\n", b"second\n"),
        (b"a\rb\nc\rd\n", b"b\nd\n"),
        (b"done\r   \n", b"done\n"),
    ],
)
def test_a_progress_line_keeps_its_last_state(written: bytes, shown: bytes) -> None:
    assert plain(written) == shown


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_sequence_that_ends_in_the_next_block_is_one(cut: int) -> None:
    written = b"a\x1b[2K\x1b]0;title\x1b\\b\x1b(B\x1b[1mc\n"
    tamer = Tamer(colour=False)
    assert tamer.tame(written[:cut]) + tamer.tame(written[cut:]) == b"abc\n"


@pytest.mark.parametrize(
    "blocks",
    [
        [b"10%", b"\r20%"],
        [b"10%\r", b"20%"],
        [b"10%", b"\x1b[2K\x1b[1G20%"],
        [b"10%\x1b[1G", b"\x1b[2K", b"20%"],
        [b"10%", b"\r", b"20%\nmore\n"],
    ],
)
def test_a_block_tells_that_it_takes_the_place_of_what_was_shown(blocks: list[bytes]) -> None:
    tamer = Tamer(colour=True)
    told = [(tamer.tame(block), tamer.starts_over) for block in blocks]
    assert [starts_over for text, starts_over in told if text] == [False, True]


def test_what_goes_on_in_its_line_does_not_start_over() -> None:
    tamer = Tamer(colour=True)
    for block in (b"one ", b"two\n", b"windows\r", b"\nlines", b" go on\n"):
        text = tamer.tame(block)
    assert (text, tamer.starts_over) == (b" go on\n", False)


def test_colours_stay_and_end_with_their_line() -> None:
    assert coloured(RED + b"error" + b"\x1b[39m done\n") == RED + b"error\x1b[39m done" + RESET + b"\n"


def test_a_colour_that_goes_on_is_taken_up_again_in_the_next_line() -> None:
    tamer = Tamer(colour=True)
    assert tamer.tame(RED + b"one\n") == RED + b"one" + RESET + b"\n"
    assert tamer.tame(b"two\n") == RED + b"two" + RESET + b"\n"
    assert tamer.tame(b"three\x1b[0m\nfour\n") == RED + b"three\x1b[0m" + RESET + b"\nfour\n"
    assert tamer.tame(b"five\n") == b"five\n"


def test_closing_one_property_keeps_the_others() -> None:
    tamer = Tamer(colour=True)
    tamer.tame(b"\x1b[1m\x1b[31mbold and red\x1b[39m only bold\n")
    assert tamer.tame(b"next\n") == b"\x1b[1mnext" + RESET + b"\n"


def test_without_colour_nothing_of_an_escape_is_left() -> None:
    assert plain(RED + b"error" + RESET + b"\n") == b"error\n"


def test_a_program_that_never_resets_does_not_make_lines_grow() -> None:
    tamer = Tamer(colour=True)
    for _ in range(100):
        longest = tamer.tame(b"\x1b[38;5;1mx\n")
    assert len(longest) < 200


FRAGMENTS = st.sampled_from(
    [
        b"\x1b",
        b"[",
        b"]",
        b"2J",
        b"31m",
        b"\r",
        b"\n",
        b"\x07",
        b"?25l",
        b"\\",
        b"P",
        b"text ",
        b"\xc2\x9b",
        b"\xff",
        b"\x0b",
    ]
)


@given(st.lists(FRAGMENTS, max_size=40).map(b"".join), st.booleans())
def test_whatever_is_written_no_cursor_moves_and_no_line_is_added(written: bytes, colour: bool) -> None:
    shown = Tamer(colour=colour).tame(written)
    without_colours = re.sub(rb"\x1b\[[0-9;:]*m", b"", shown)
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", without_colours)
    assert shown.count(b"\n") == written.count(b"\n")
    shown.decode()
