"""`devstack logs`: what of the log files is shown."""

from __future__ import annotations

import re
from pathlib import Path

from devstack.commands.logs import _Printer
from devstack.views.log_history import Piece
from devstack.views.screen import Screen
from devstack.views.style import Style


def printed(tmp_path: Path, pattern: str, *pieces: tuple[str, bytes]) -> list[str]:
    path = tmp_path / "shown"
    with path.open("wb") as out:
        printer = _Printer(
            Screen(out.fileno(), Style(), ["web", "ws"]), re.compile(pattern.encode(), re.MULTILINE)
        )
        for service, data in pieces:
            printer.show([Piece(at=1.0, service=service, data=data)])
        printer.finish()
    return path.read_text().splitlines()


def test_a_line_that_was_written_in_pieces_is_searched_as_one(tmp_path: Path) -> None:
    pieces = [("web", b"GET /a 2"), ("ws", b"open\nGET 500"), ("web", b"00\nGET /b 5"), ("web", b"00 slow\n")]
    assert printed(tmp_path, "GET .*500", *pieces) == ["web | GET /b 500 slow", "ws  | GET 500"]


def test_a_line_that_was_never_finished_is_searched_at_the_end(tmp_path: Path) -> None:
    assert printed(tmp_path, "fatal", ("web", b"fine\nfatal: no")) == ["web | fatal: no"]
    assert printed(tmp_path, "^fine", ("web", b"fine\nfatal: no")) == ["web | fine"]
