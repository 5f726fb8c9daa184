from __future__ import annotations

import os
import pty
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.views.screen import LINE_CAP, Screen
from devstack.views.style import Style


def rendered(tmp_path: Path, use: Callable[[Screen], None], style: Style | None = None) -> str:
    """What lands in a file."""
    path = tmp_path / "screen"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        use(Screen(handle, style or Style(), ["web", "server"]))
    finally:
        os.close(handle)
    return path.read_text()


def on_terminal(use: Callable[[Screen], None], style: Style | None = None) -> bytes:
    """What a terminal gets, with its `\\r\\n` as `\\n`."""
    leader, follower = pty.openpty()
    got: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(leader, 65536)
            except OSError:
                return
            if not data:
                return
            got.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    use(Screen(follower, style or Style(), ["web", "server"]))
    os.close(follower)
    reader.join(10)
    os.close(leader)
    return b"".join(got).replace(b"\r\n", b"\n")


def test_prefixes_are_aligned_and_each_line_has_one(tmp_path: Path) -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"one\ntwo\n")
        screen.output("server", b"\nthree\n")

    assert rendered(tmp_path, use) == "web    | one\nweb    | two\nserver | \nserver | three\n"


def test_an_unfinished_line_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"Name? ")
        screen.output("web", b"yes\nnext\n")

    assert rendered(tmp_path, use) == "web    | Name? yes\nweb    | next\n"


def test_an_unfinished_line_is_ended_before_another_service_writes(tmp_path: Path) -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"wait")
        screen.output("server", b"hello\n")
        screen.output("web", b"ing\n")
        screen.output("web", b"open")
        screen.say("ready", "server", "*")
        screen.output("web", b"end")
        screen.finish()

    assert rendered(tmp_path, use).splitlines() == [
        "web    | wait",
        "server | hello",
        "web    | ing",
        "web    | open",
        "server * ready",
        "web    | end",
    ]


def test_a_file_gets_only_the_last_state_of_a_progress_line(tmp_path: Path) -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"\r10%")
        screen.output("web", b"\r60%")
        screen.output("server", b"meanwhile\n")
        screen.output("web", b"\r100%\n")
        screen.output("web", b"50%\r")
        screen.output("web", b"80%\r")
        screen.output("web", b"\n")
        screen.output("web", b"\rnever finished")
        screen.finish()

    assert rendered(tmp_path, use).splitlines() == [
        "server | meanwhile",
        "web    | 100%",
        "web    | 50%",
        "web    | 80%",
        "web    | never finished",
    ]


def test_a_state_that_was_kept_back_does_not_go_on_in_an_earlier_one(tmp_path: Path) -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"10%\r")
        screen.output("web", b"20%")
        screen.finish()

    assert rendered(tmp_path, use).splitlines() == ["web    | 10%", "web    | 20%"]


def test_a_terminal_shows_progress_in_place() -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"\r10%")
        screen.output("web", b"\r60%")
        screen.output("web", b"\r100%\n")

    bar = "│".encode()
    assert on_terminal(use) == b"web    %b 10%%\r\x1b[Kweb    %b 60%%\r\x1b[Kweb    %b 100%%\n" % (
        bar,
        bar,
        bar,
    )


def test_a_terminal_gets_the_beginning_of_a_huge_line_and_is_told_about_the_rest() -> None:
    def use(screen: Screen) -> None:
        for _ in range(5):
            screen.output("web", b"x" * 100_000)
        screen.output("web", b"\nshort\n")
        screen.output("web", b"before\n" + b"z" * 20_000 + b"\nafter\n")

    lines = on_terminal(use).decode().splitlines()
    assert lines[0].count("x") == LINE_CAP
    assert lines[0].endswith(f" … {500_000 - LINE_CAP:,} more bytes of this line are in the log file")
    assert lines[1] == "web    │ short"
    assert lines[2] == "web    │ before"
    assert lines[3].count("z") == LINE_CAP
    assert lines[4] == "web    │ after"


def test_a_file_gets_the_whole_of_a_huge_line(tmp_path: Path) -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"x" * 500_000)
        screen.output("web", b"\n")

    assert rendered(tmp_path, use) == "web    | " + "x" * 500_000 + "\n"


def test_colours_come_only_where_they_are_wanted(tmp_path: Path) -> None:
    def use(screen: Screen) -> None:
        screen.output("web", b"\x1b[31mred\x1b[0m\n")
        screen.say("ready", "web", "*", "green")

    assert "\x1b" not in rendered(tmp_path, use)
    assert "\x1b[31mred" in rendered(tmp_path, use, Style(colour=True))


def test_the_output_of_a_setup_step_stands_under_its_service(tmp_path: Path) -> None:
    shown = rendered(tmp_path, lambda screen: screen.output("web.setup", b"added 3 packages\n"))
    assert shown == "web    | added 3 packages\n"


def test_a_reader_that_went_away_is_told_once_and_stops_nothing() -> None:
    told: list[str] = []
    reading, writing = os.pipe()
    screen = Screen(writing, Style(), ["web"], on_closed=lambda: told.append("closed"))
    os.close(reading)
    screen.output("web", b"one\n")
    screen.output("web", b"two\n")
    os.close(writing)
    assert told == ["closed"]
    assert screen.is_closed


def test_a_stream_that_somebody_made_non_blocking_loses_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    got: list[bytes] = []

    def read() -> None:
        while data := os.read(reading, 4096):
            got.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    screen = Screen(writing, Style(), ["web"])
    for number in range(20):
        screen.output("web", b"%d " % number + b"x" * 100_000 + b"\n")
    os.close(writing)
    reader.join(10)
    os.close(reading)
    lines = b"".join(got).split(b"\n")
    assert [line.split()[2] for line in lines[:-1]] == [b"%d" % number for number in range(20)]


@pytest.mark.parametrize("text", ["several\nlines", "one"])
def test_each_line_of_a_message_carries_the_name(tmp_path: Path, text: str) -> None:
    shown = rendered(tmp_path, lambda screen: screen.say(text, "web", "!"))
    assert shown == "".join(f"web    ! {line}\n" for line in text.split("\n"))


def test_a_terminal_that_cannot_take_back_gets_the_last_state_of_a_progress_line() -> None:
    def use(screen: Screen) -> None:
        for state in (b"10%", b"\x1b[1G60%", b"\x1b[2K\r100%\n"):
            screen.output("web", state)

    assert on_terminal(use, Style(erases=False)) == "web    │ 10%\nweb    │ 100%\n".encode()
