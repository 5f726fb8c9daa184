from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.errors import RefusedError
from devstack.host.private_folder import PrivateFolder
from devstack.views import logfiles
from devstack.views.log_history import LogHistory
from devstack.views.logfiles import LogFiles

RUN_A, RUN_B = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder.beside(tmp_path)


@pytest.fixture
def logs(folder: PrivateFolder, clock: Clock) -> Iterator[LogFiles]:
    files = LogFiles(folder, RUN_A, pytest.fail, clock=clock)
    yield files
    files.close()


def history(folder: PrivateFolder) -> LogHistory:
    return LogHistory(folder.path / logfiles.FOLDER)


def text(
    folder: PrivateFolder, services: tuple[str, ...], since: float | None = None
) -> list[tuple[str, bytes]]:
    return [(piece.service, piece.data) for piece in history(folder).pieces(services, since)]


def test_bytes_are_kept_as_they_were_written(folder: PrivateFolder, logs: LogFiles) -> None:
    written = [b"line\n", b"half", b" line\r\n", b"\xff\xfe\x1b[2J\n", b"no newline at the end"]
    store = logs.store("web")
    for block in written:
        store(block)
    assert (folder.path / "logs" / "web.log").read_bytes() == b"".join(written)


def test_only_the_owner_can_read_them(folder: PrivateFolder, logs: LogFiles) -> None:
    before = os.umask(0)
    try:
        logs.store("web")(b"x\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    for path in (folder.path / "logs").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (folder.path / ".gitignore").read_text() == "*\n"


def test_a_link_in_place_of_a_log_is_not_followed(folder: PrivateFolder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder.create()
    (folder.folder("logs").path / "web.log").symlink_to(victim)
    logs = LogFiles(folder, RUN_A, lambda text: None)
    logs.store("web")(b"x\n")
    logs.close()
    assert victim.read_bytes() == b"precious"


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".devstack").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError):
        PrivateFolder.beside(tmp_path).create()


def test_a_folder_that_becomes_another_one_while_a_log_is_opened_harms_nothing(tmp_path: Path) -> None:
    class Renewed(PrivateFolder):
        """The other thread says so between opening the log and its index."""

        def folder(self, name: str) -> PrivateFolder:
            super().folder(name)
            return Renewed(self.path / name)

        def open_append(self, name: str) -> int:
            logs.renew()
            return super().open_append(name)

    logs = LogFiles(Renewed(tmp_path / ".devstack"), RUN_A, lambda text: None)
    store = logs.store("web")
    store(b"one\n")
    store(b"two\n")
    logs.close()
    assert (tmp_path / ".devstack" / "logs" / "web.log").read_bytes() == b"two\n"
    assert (tmp_path / ".devstack" / "logs" / "web.log.1").read_bytes() == b"one\n"


def test_a_log_that_is_rotated_while_it_is_read_is_shown_once_and_whole(
    folder: PrivateFolder, logs: LogFiles, clock: Clock
) -> None:
    store, history = logs.store("web"), LogHistory(folder.path / "logs")
    store(b"one\n")
    pieces = history.pieces(("web",), None)
    logs.renew()
    clock.now += 1
    store(b"two\n")  # the first file has another name now
    assert [piece.data for piece in pieces] == [b"one\n"]
    assert [piece.data for piece in history.news(("web",))] == [b"two\n"]


def test_a_log_that_goes_away_while_it_is_read_is_read_to_its_end(
    folder: PrivateFolder, logs: LogFiles
) -> None:
    logs.store("web")(b"one\n")
    pieces = LogHistory(folder.path / "logs").pieces(("web",), None)
    (folder.path / "logs" / "web.log").unlink()
    assert [piece.data for piece in pieces] == [b"one\n"]


def test_no_file_stays_open_after_reading(folder: PrivateFolder, logs: LogFiles) -> None:
    logs.store("web")(b"one\n")
    later = LogFiles(folder, RUN_B, lambda text: None)
    later.store("web")(b"two\n")
    later.close()
    history = LogHistory(folder.path / "logs")
    before = len(list(Path("/dev/fd").iterdir()))
    assert [piece.data for piece in history.pieces(("web",), None)] == [b"two\n"]
    assert history.news(("web",)) == []
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_services_are_merged_in_the_order_of_time(
    folder: PrivateFolder, logs: LogFiles, clock: Clock
) -> None:
    web, server = logs.store("web"), logs.store("server")
    for second, (store, block) in enumerate(
        [(web, b"1\n"), (server, b"2\n"), (server, b"3\n"), (web, b"4\n")]
    ):
        clock.now = 1000.0 + second
        store(block)
    assert text(folder, ("server", "web")) == [
        ("web", b"1\n"),
        ("server", b"2\n"),
        ("server", b"3\n"),
        ("web", b"4\n"),
    ]


def test_a_line_that_came_in_pieces_stays_together(
    folder: PrivateFolder, logs: LogFiles, clock: Clock
) -> None:
    web, server = logs.store("web"), logs.store("server")
    web(b"Name? ")
    clock.now += 1
    server(b"meanwhile\n")
    clock.now += 1
    web(b"answer\n")
    assert text(folder, ("web", "server")) == [("web", b"Name? answer\n"), ("server", b"meanwhile\n")]


def test_a_new_generation_does_not_go_on_in_an_unfinished_line(folder: PrivateFolder, logs: LogFiles) -> None:
    logs.store("web")(b"dying wor")
    logs.store("web")(b"hello again\n")
    assert (folder.path / "logs" / "web.log").read_bytes() == b"dying wor\nhello again\n"


def test_only_the_last_run_is_shown_unless_a_time_reaches_further(
    folder: PrivateFolder, logs: LogFiles, clock: Clock
) -> None:
    logs.store("web")(b"first run\n")
    logs.store("old")(b"only in the first run\n")
    clock.now = 2000.0
    second = LogFiles(folder, RUN_B, pytest.fail, clock=clock)
    second.store("web")(b"second run\n")
    second.close()
    assert text(folder, ("web", "old")) == [("web", b"second run\n")]
    assert text(folder, ("web",), since=500.0) == [("web", b"first run\n"), ("web", b"second run\n")]
    assert text(folder, ("web",), since=1500.0) == [("web", b"second run\n")]


def test_a_full_file_is_rotated_between_lines_and_nothing_is_lost(
    folder: PrivateFolder, clock: Clock
) -> None:
    logs = LogFiles(folder, RUN_A, pytest.fail, cap=1000, clock=clock)
    store = logs.store("web")
    written = []
    for number in range(40):
        clock.now += 1
        written.append(b"%03d " % number + b"x" * 60 + b"\n")
        store(written[-1])
    logs.close()
    names = sorted(path.name for path in (folder.path / "logs").glob("web.log*") if path.suffix != ".index")
    assert names == ["web.log", "web.log.1", "web.log.2"]
    assert all((folder.path / "logs" / name).read_bytes().endswith(b"\n") for name in names)
    assert b"".join(data for _, data in text(folder, ("web",))) == b"".join(written)


def test_the_oldest_file_goes_when_there_are_too_many(folder: PrivateFolder) -> None:
    logs = LogFiles(folder, RUN_A, pytest.fail, cap=100)
    store = logs.store("web")
    for number in range(100):
        store(b"%03d " % number + b"x" * 60 + b"\n")
    logs.close()
    kept = b"".join(data for _, data in text(folder, ("web",)))
    assert kept.endswith(b"099 " + b"x" * 60 + b"\n")
    assert len(kept) <= logfiles.KEEP * 200


def test_news_are_what_was_added_also_across_a_rotation(folder: PrivateFolder, clock: Clock) -> None:
    logs = LogFiles(folder, RUN_A, pytest.fail, cap=30, clock=clock)
    store = logs.store("web")
    store(b"before\n")
    reader = history(folder)
    assert [piece.data for piece in reader.pieces(("web",), None)] == [b"before\n"]
    assert reader.news(("web",)) == []
    for number in range(6):
        clock.now += 1
        store(b"line number %d\n" % number)
    assert b"".join(piece.data for piece in reader.news(("web",))) == b"".join(
        b"line number %d\n" % number for number in range(6)
    )
    assert reader.news(("web",)) == []
    logs.close()


def test_a_log_without_an_index_is_still_shown(folder: PrivateFolder) -> None:
    folder.create()
    (folder.folder("logs").path / "web.log").write_bytes(b"one\ntwo")
    assert text(folder, ("web",)) == [("web", b"one\ntwo")]


def test_a_full_disk_is_told_once_and_admitted_when_there_is_room_again(folder: PrivateFolder) -> None:
    told: list[str] = []
    logs = LogFiles(folder, RUN_A, told.append)
    store = logs.store("web")
    store(b"kept\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, limits[1]))  # no file may grow any more
    try:
        store(b"lost one\n")
        store(b"lost two\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    store(b"kept again\n")
    logs.close()
    assert len(told) == 1
    assert "File too large" in told[0]
    content = (folder.path / "logs" / "web.log").read_bytes()
    assert content == b"kept\n[devstack: 18 bytes could not be written here]\nkept again\n"


def test_attempts_on_a_full_disk_push_no_older_log_out(folder: PrivateFolder) -> None:
    before = LogFiles(folder, RUN_A, pytest.fail)
    before.store("web")(b"of an earlier run\n")
    before.close()
    told: list[str] = []
    logs = LogFiles(folder, RUN_B, told.append)
    store = logs.store("web")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handles = len(list(Path("/dev/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        for _ in range(2 * logfiles.KEEP):
            store(b"lost\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(list(Path("/dev/fd").iterdir())) == handles
    store(b"kept\n")
    logs.close()
    assert len(told) == 1
    assert (folder.path / "logs" / "web.log.1").read_bytes() == b"of an earlier run\n"
    assert (folder.path / "logs" / "web.log").read_bytes().endswith(b"kept\n")
    assert not (folder.path / "logs" / "web.log.2").exists()


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path: Path) -> None:
    (tmp_path / ".devstack").mkdir()
    (tmp_path / ".devstack" / "logs").write_bytes(b"a file in the way")
    told: list[str] = []
    logs = LogFiles(PrivateFolder.beside(tmp_path), RUN_A, told.append)
    for _ in range(3):
        logs.store("web")(b"x\n")
    logs.close()
    assert len(told) == 1
