from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.errors import RefusedError
from devstack.host.private_folder import PrivateFolder


@pytest.fixture
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    made = PrivateFolder.beside(tmp_path)
    made.create()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.usefixtures("generous_umask")
def test_whatever_the_umask_only_the_owner_can_read(folder: PrivateFolder) -> None:
    folder.write("state.json", b"{}")
    os.close(folder.open_append("log"))
    os.close(folder.open_lock("lock"))
    inner = folder.folder("logs")
    assert (mode(folder.path), mode(inner.path)) == (0o700, 0o700)
    assert {mode(path) for path in folder.path.iterdir() if path.is_file()} == {0o600}


def test_it_keeps_itself_out_of_git(folder: PrivateFolder) -> None:
    assert (folder.path / ".gitignore").read_text() == "*\n"


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / ".devstack").mkdir(mode=0o755)
    PrivateFolder.beside(tmp_path).create()
    assert mode(tmp_path / ".devstack") == 0o700


def test_a_file_that_others_could_read_is_closed_when_it_is_opened(folder: PrivateFolder) -> None:
    (folder.path / "log").touch(mode=0o644)
    os.close(folder.open_append("log"))
    assert mode(folder.path / "log") == 0o600


@pytest.mark.parametrize("kind", ["link", "file"])
def test_something_else_in_its_place_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    if kind == "link":
        (tmp_path / ".devstack").symlink_to("elsewhere")
    else:
        (tmp_path / ".devstack").touch()
    with pytest.raises(RefusedError, match="not a folder"):
        PrivateFolder.beside(tmp_path).create()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give a folder away"
)
def test_another_users_folder_is_refused(folder: PrivateFolder) -> None:
    os.chown(folder.path, 65534, 65534)
    with pytest.raises(RefusedError, match="another user"):
        folder.create()


def test_no_link_is_followed_for_reading_or_appending(folder: PrivateFolder, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (folder.path / "name").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError):
        folder.open_append("name")
    with pytest.raises(OSError):
        folder.open_lock("name")
    with pytest.raises(OSError):
        folder.read("name")
    folder.write("name", b"own")
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert folder.read("name") == b"own"


def test_writing_replaces_in_one_step_and_leaves_no_draft(folder: PrivateFolder) -> None:
    folder.write("state", b"old")
    with (folder.path / "state").open("rb") as reader:
        folder.write("state", b"new and longer")
        assert reader.read() == b"old"
    assert folder.read("state") == b"new and longer"
    assert sorted(path.name for path in folder.path.iterdir()) == [".gitignore", "state"]


def test_what_is_not_there_reads_as_none(folder: PrivateFolder) -> None:
    assert folder.read("nothing") is None
    folder.remove("nothing")
