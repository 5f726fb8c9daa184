"""Which files of a folder are its own sources: no packages, build output, vendored or ignored files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from devstack.records import dataclass

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

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


def sources(folder: Path, *, excluded: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Source files below `folder`, sorted within each folder; `excluded` folders and files are left out.

    A linked folder is followed, once, when it lies in the same repository but not below `folder`, where it is met
    anyway. Unreadable folders count as empty.
    """
    start = os.fspath(folder)
    ignores = _above(start)
    if _is_ignored(start + os.sep, ignores, is_folder=True):
        ignores = ()  # the whole folder is ignored by its repository, so that says nothing about its files
    left_out = {os.fspath(path) for path in excluded}
    seen: set[tuple[int, int]] = set()
    yield from _below(start, ignores, left_out, seen)


def _below(
    start: str, ignores: tuple[_Ignore, ...], left_out: set[str], seen: set[tuple[int, int]]
) -> Iterator[Path]:
    inside, repository = os.path.realpath(start), os.path.realpath(_repository(start))
    pending = [(start, ignores)]
    while pending:
        folder, ignores = pending.pop()
        try:
            status = Path(folder).stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in seen or _is_foreign_root(entries, folder == start):
            continue
        seen.add((status.st_dev, status.st_ino))
        ignores = _with_own(folder, ignores, entries)
        folders = []
        for entry in entries:
            if entry.path in left_out:
                continue
            if _is_folder(entry):
                if _may_enter(entry, ignores) and _is_own(entry, inside, repository):
                    folders.append((entry.path, ignores))
            elif _is_source(entry) and not _is_ignored(entry.path, ignores):
                yield Path(entry.path)
        pending.extend(reversed(folders))


def _is_foreign_root(entries: list[os.DirEntry[str]], is_start: bool) -> bool:
    return not is_start and any(entry.name == "pyvenv.cfg" for entry in entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _may_enter(entry: os.DirEntry[str], ignores: tuple[_Ignore, ...]) -> bool:
    if entry.name.startswith(".") or entry.name in _FOREIGN:
        return False
    return not _is_ignored(entry.path + os.sep, ignores, is_folder=True)


def _is_own(entry: os.DirEntry[str], inside: str, repository: str) -> bool:
    """No link that leaves the repository (`link -> /`), and none to what is met without it."""
    if not entry.is_symlink():
        return True
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
    folder: str, ignores: tuple[_Ignore, ...], entries: list[os.DirEntry[str]]
) -> tuple[_Ignore, ...]:
    if not any(entry.name == ".gitignore" for entry in entries):
        return ignores
    own = _read_ignore(folder)
    return ignores if own is None or own in ignores else (*ignores, own)


def _read_ignore(folder: str) -> _Ignore | None:
    path = Path(folder, ".gitignore")
    try:
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    from pathspec import GitIgnoreSpec

    try:
        return _Ignore(folder, GitIgnoreSpec.from_lines(lines))
    except ValueError:
        return None


def _repository(start: str) -> str:
    """The nearest folder upward with a `.git`; `start` itself where there is none."""
    for folder in (Path(start), *Path(start).parents):
        if (folder / ".git").exists():
            return os.fspath(folder)
    return start


def _above(start: str) -> tuple[_Ignore, ...]:
    """The `.gitignore` files from the repository's root down to the parent of `start`."""
    repository = Path(_repository(start))
    between = [folder for folder in Path(start).parents if folder.is_relative_to(repository)]
    found = (_read_ignore(os.fspath(folder)) for folder in reversed(between))
    return tuple(entry for entry in found if entry is not None)


def _is_ignored(path: str, ignores: tuple[_Ignore, ...], *, is_folder: bool = False) -> bool:
    """The nearest `.gitignore` with an opinion decides."""
    for ignore in reversed(ignores):
        relative = os.path.relpath(path, ignore.folder).replace(os.sep, "/") + ("/" if is_folder else "")
        verdict = ignore.spec.check_file(relative).include
        if verdict is not None:
            return verdict
    return False
