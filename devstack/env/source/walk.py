"""Which files of a folder are its own sources: no packages, build output, vendored or ignored files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from devstack import regular
from devstack.records import dataclass

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from devstack.env.files import Files

SCRIPT_SUFFIXES = frozenset(
    {".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte", ".astro"}
)
SUFFIXES = SCRIPT_SUFFIXES | {".py"}
_LARGEST = 2_000_000  # bytes; larger "sources" are generated
_FOREIGN = frozenset(
    {
        *("node_modules", "bower_components", "jspm_packages", "vendor", "third_party", "site-packages"),
        *("dist", "build", "out", "target", "coverage", "htmlcov", "__pycache__", "venv", "virtualenv"),
    }
)


@dataclass(frozen=True, slots=True)
class _Ignore:
    """The patterns of one `.gitignore`, relative to its folder."""

    folder: str
    spec: GitIgnoreSpec


def sources(folder: Path, files: Files, *, excluded: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Source files below `folder`, sorted within each folder; `excluded` folders and files are left out.

    A linked folder is followed, once, when it lies in the same repository but not below `folder`, where it is met
    anyway. Unreadable folders count as empty.
    """
    start = os.fspath(folder)
    ignores = _above(start)
    if _is_ignored(start + os.sep, ignores, is_folder=True):
        ignores = ()  # the whole folder is ignored by its repository, so that says nothing about its files
    left_out = {os.fspath(path) for path in excluded}
    yield from _below(start, files, ignores, left_out)


def _below(start: str, files: Files, ignores: tuple[_Ignore, ...], left_out: set[str]) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    pending = [(start, ignores)]
    while pending:
        folder, ignores = pending.pop()
        status, entries = files.stat(folder), files.entries(folder)
        if status is None or (status.st_dev, status.st_ino) in seen:
            continue
        if folder != start and _is_foreign_root(entries):
            continue
        seen.add((status.st_dev, status.st_ino))
        ignores = _with_own(folder, ignores, entries)
        folders = []
        for entry in entries:
            if entry.path in left_out:
                continue
            if _is_folder(entry):
                if _may_enter(entry, ignores) and _is_own(entry, start):
                    folders.append((entry.path, ignores))
            elif _is_source(entry) and not _is_ignored(entry.path, ignores):
                yield Path(entry.path)
        pending.extend(reversed(folders))


def _is_foreign_root(entries: Sequence[os.DirEntry[str]]) -> bool:
    return any(entry.name == "pyvenv.cfg" for entry in entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _may_enter(entry: os.DirEntry[str], ignores: tuple[_Ignore, ...]) -> bool:
    if entry.name.startswith(".") or entry.name in _FOREIGN:
        return False
    return not _is_ignored(entry.path + os.sep, ignores, is_folder=True)


def _is_own(entry: os.DirEntry[str], start: str) -> bool:
    """No link that leaves the repository (`link -> /`), and none to what is met without it."""
    if not entry.is_symlink():
        return True
    inside, repository = os.path.realpath(start), os.path.realpath(_repository(start))
    real = Path(os.path.realpath(entry.path))
    return (
        real.is_relative_to(repository)
        and not real.is_relative_to(inside)
        and real not in Path(inside).parents
    )


def _is_source(entry: os.DirEntry[str]) -> bool:
    _, dot, suffix = entry.name.rpartition(".")
    if dot + suffix not in SUFFIXES or entry.name.endswith((".min.js", ".min.mjs", ".d.ts", ".d.mts")):
        return False
    try:
        status = entry.stat()
    except OSError:
        return False
    return S_ISREG(status.st_mode) and status.st_size <= _LARGEST


def _with_own(
    folder: str, ignores: tuple[_Ignore, ...], entries: Sequence[os.DirEntry[str]]
) -> tuple[_Ignore, ...]:
    if not any(entry.name == ".gitignore" for entry in entries):
        return ignores
    own = _read_ignore(folder)
    return ignores if own is None or own in ignores else (*ignores, own)


def _read_ignore(folder: str) -> _Ignore | None:
    path = folder + "/.gitignore"
    try:
        facts = os.stat(path)  # noqa: PTH116 - asked for thousands of folders
        content = _content(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except OSError:
        return None
    patterns = _patterns(content)
    return None if patterns is None else _Ignore(folder, patterns)


@lru_cache(maxsize=256)
def _content(path: str, *_: int) -> bytes:
    """The file as long as it is the same: the repository's own is asked for once for each service."""
    return regular.read(path)


@lru_cache(maxsize=256)  # the repository's own is asked for once for each service
def _patterns(content: bytes) -> GitIgnoreSpec | None:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(content.decode("utf-8", "replace").splitlines())
    except ValueError:
        return None


def _repository(start: str) -> str:
    """The nearest folder upward with a `.git`; `start` itself where there is none."""
    if os.path.exists(start + "/.git"):  # noqa: PTH110 - asked for thousands of folders
        return start
    return _repository_above(os.path.dirname(start)) or start  # noqa: PTH120


@lru_cache(maxsize=1024)  # many services lie in one folder
def _repository_above(folder: str) -> str | None:
    while not os.path.exists(folder + "/.git"):  # noqa: PTH110
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return None
        folder = above
    return folder


def _above(start: str) -> tuple[_Ignore, ...]:
    """The `.gitignore` files from the repository's root down to the parent of `start`."""
    folder, repository, found = start, _repository(start), []
    while folder != repository:
        folder = os.path.dirname(folder)  # noqa: PTH120
        found.append(_read_ignore(folder))
    return tuple(entry for entry in reversed(found) if entry is not None)


def _is_ignored(path: str, ignores: tuple[_Ignore, ...], *, is_folder: bool = False) -> bool:
    """The nearest `.gitignore` with an opinion decides."""
    for ignore in reversed(ignores):
        relative = os.path.relpath(path, ignore.folder).replace(os.sep, "/") + ("/" if is_folder else "")
        verdict = ignore.spec.check_file(relative).include
        if verdict is not None:
            return verdict
    return False
