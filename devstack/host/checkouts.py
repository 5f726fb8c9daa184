"""Which checkout a folder belongs to, read from `.git` alone: no git program, nothing executed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_REMOTE_URL = re.compile(r'^\[remote "[^\n]*\n(?:[^\[\n][^\n]*\n)*?\s*url\s*=\s*(\S+)', re.MULTILINE)


@lru_cache(maxsize=256)
def checkout_root(folder: str) -> str | None:
    """Top folder of the checkout that holds `folder`; a submodule counts as part of its parent."""
    for place in _upward(folder):
        mark = Path(place, ".git")
        with suppress(OSError):
            if mark.is_dir() or (mark.is_file() and "/modules/" not in mark.read_text(errors="replace")):
                return place
    return None


def is_same_repository(one: str, other: str) -> bool:
    """Whether two checkouts (their roots) are worktrees or clones of one repository."""
    shared = _identities(one) & _identities(other)
    return one == other or bool(shared)


def _upward(folder: str) -> Iterator[str]:
    path = Path(folder)
    yield str(path)
    for parent in path.parents:
        yield str(parent)


def _identities(root: str) -> set[str]:
    """What names a repository: its common folder, and where it was cloned from (credentials aside)."""
    common = _common_folder(Path(root))
    if common is None:
        return set()
    found = {str(common)}
    with suppress(OSError):
        for url in _REMOTE_URL.findall((common / "config").read_text(errors="replace")):
            found.add(_remote(url))
    return found


def _remote(url: str) -> str:
    """A remote without scheme, user and suffix; the folder of a clone on this machine."""
    path = Path(url.removeprefix("file://"))
    if path.is_absolute():
        return str(_common_folder(path) or path.resolve())
    bare = re.sub(r"^\w+://(?:[^/@]*@)?", "", url).removesuffix("/").removesuffix(".git")
    return re.sub(r"^[\w.-]+@([^:/]+):", r"\1/", bare)


def _common_folder(root: Path) -> Path | None:
    mark = root / ".git"
    try:
        if mark.is_dir():
            return mark.resolve()
        pointed = mark.read_text(errors="replace").partition("gitdir:")[2].strip()
        folder = (root / pointed).resolve()
        common = folder / "commondir"
        return (folder / common.read_text().strip()).resolve() if common.is_file() else folder
    except OSError:
        return None
