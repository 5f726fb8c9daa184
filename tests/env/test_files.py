from __future__ import annotations

import os
from pathlib import Path

import dotenv
import pytest

from devstack.env import versions
from devstack.env.files import Files
from devstack.env.loaders.table import loader
from devstack.env.model import LoadRequest


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\n")
    files = Files(tmp_path)
    assert files.read(path) == b"A=1\n"
    path.write_bytes(b"A=2\n")
    assert files.read(path) == b"A=1\n"


def test_what_is_absent_or_a_folder_reads_as_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.read(tmp_path / ".env") is None
    assert files.read(tmp_path) is None


def test_a_link_in_a_circle_is_no_file_to_us_and_to_programs(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api/.env").symlink_to(".env")
    (tmp_path / ".env").write_bytes(b"A=1\n")
    assert Files(tmp_path).read(tmp_path / "api/.env") is None
    assert dotenv.dotenv_values(tmp_path / "api/.env") == {}
    request = LoadRequest(
        folder=tmp_path / "api", mode="development", process={}, reader=Files(tmp_path), files=None
    )
    made = loader("python-dotenv").load(request)  # goes on upward, as `find_dotenv` does
    assert (made.variables["A"].text, made.issues) == ("1", ())


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(OSError, match="not a regular file"):
        Files(tmp_path).read(tmp_path / ".env")


@pytest.mark.parametrize(
    ("name", "text", "pin"),
    [
        ("package-lock.json", '{"packages": {"node_modules/vite": {"version": "6.4.6"}}}', "vite@6"),
        ("pnpm-lock.yaml", "packages:\n\n  vite@7.3.8:\n    resolution: x\n", "vite@7"),
        ("yarn.lock", 'vite@^5.0.0:\n  version "5.4.21"\n', "vite@5"),
        ("package.json", '{"devDependencies": {"vite": "^6.1.0"}}', "vite@6"),
        (".nvmrc", "v20.20\n", "vite@8+node@20"),
        (".nvmrc", "v20.19.0\n", "vite@8+node@20.19.0"),
    ],
)
def test_the_version_is_read_off_lockfiles(tmp_path: Path, name: str, text: str, pin: str) -> None:
    (tmp_path / name).write_text(text)
    folder = tmp_path / "apps" / "web"
    folder.mkdir(parents=True)
    assert versions.choose("vite", folder, Files(tmp_path), lambda _: (24, 0, 0)) == pin


def test_without_any_sign_the_newest_known_version_counts(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert versions.choose("vite", tmp_path, files, lambda _: None) == "vite@8+node@24"
    assert versions.choose("vite@7", tmp_path, files, lambda _: None) == "vite@7"
    assert versions.choose("python-dotenv", tmp_path, files, lambda _: None) == "python-dotenv@1.2"


def test_the_virtual_environment_decides_the_version_of_python_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".venv/lib/python3.11/site-packages/python_dotenv-1.0.1.dist-info").mkdir(parents=True)
    assert versions.choose("python-dotenv", tmp_path, Files(tmp_path), lambda _: None) == "python-dotenv@1.1"


def test_a_listing_tells_what_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("")
    files = Files(tmp_path)
    assert files.may_hold(tmp_path, "poetry.lock", "uv.lock")
    assert not files.may_hold(tmp_path, "poetry.lock")
    assert not files.may_hold(tmp_path / "nowhere", "uv.lock")


def test_a_name_that_a_listing_lacks_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "Package.json").write_text("{}")
    listed, fresh = Files(tmp_path), Files(tmp_path)
    assert listed.names(tmp_path) == ("Package.json",)
    for name in ("Package.json", "package.json", ".env", ".", "..", "é", "a/b", "nul\0", ""):
        path = f"{tmp_path}/{name}"
        assert listed.stat(path) == fresh.stat(path)
    (tmp_path / ".env.local").write_text("A=1")
    assert listed.read(tmp_path / ".env.local") is None


def test_a_folder_that_cannot_be_listed_may_hold_anything(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert Files(tmp_path).may_hold(loop, "uv.lock")
    assert Files(tmp_path).names(loop) == ()


def test_what_is_derived_is_worked_out_once_for_each_thing(tmp_path: Path) -> None:
    asked: list[str] = []

    def length(files: Files, name: str) -> int:
        asked.append(name)
        return len(name)

    files = Files(tmp_path)
    assert [files.derive(length, name) for name in ("a", "bb", "a")] == [1, 2, 1]
    assert asked == ["a", "bb"]
    assert files.overlaid({}).derive(length, "a") == 1
    assert asked == ["a", "bb", "a"]


def test_only_what_was_read_is_held(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=1\n")
    files = Files(tmp_path)
    assert files.held(tmp_path / ".env") is None
    files.read(tmp_path / ".env")
    assert files.held(tmp_path / ".env") == b"A=1\n"


def test_versions_of_a_folder_outside_the_root_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("python-dotenv==1.0.1\n")
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack-b" / "ws").mkdir(parents=True)
    files = Files(tmp_path / "stack")
    assert versions.python_dotenv(tmp_path / "stack-b" / "ws", files) == "1.2"
    assert versions.python_dotenv(tmp_path, files) == "1.1"
    assert versions.python_dotenv(tmp_path / "stack", files) == "1.2"
