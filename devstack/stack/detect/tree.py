"""The repository's files, read at most once; dependency, build and hidden folders are left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from devstack import regular

SKIPPED = {
    *("node_modules", "dist", "build", "out", "coverage", "target", "vendor", "venv", "env", "__pycache__"),
    *("site-packages", "test", "tests", "__tests__", "e2e", "docs", "fixtures"),
    *(
        "testdata",
        "evals",
        "evaluation",
        "benchmark",
        "benchmarks",
        "loadtest",
        "load_tests",
        "mocks",
        "notebooks",
    ),
}
# Folders of projects to look at or to copy: none of them is a part of the repository's own stack.
COLLECTIONS = {"examples", "templates", "samples", "cookbook", "cookbooks", "demos", "starters"}
# Of a test runner: what such a file reads or serves is no service's.
TEST_FILE = re.compile(
    r"(?:playwright|cypress|vitest|jest)\.|\.(?:test|spec|e2e)\.|(?:^|/)test\.[jt]s$"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$"
)
MAX_DEPTH = 6
MAX_FILES = 20_000
MAX_BYTES = 400_000


class Tree:
    """Files below `root`, in a stable order; links to folders are not followed, COLLECTIONS only if asked for."""

    def __init__(self, root: Path, *, has_collections: bool = False) -> None:
        self.root = root
        self.files = sorted(_walk(root, SKIPPED if has_collections else SKIPPED | COLLECTIONS))
        self._texts: dict[Path, str] = {}

    def named(self, *names: str) -> list[Path]:
        """Files with one of these names, nearest to the root first."""
        found = [path for path in self.files if path.name in names]
        return sorted(found, key=lambda path: (len(path.parts), path))

    def below(self, folder: Path, suffixes: tuple[str, ...], without: tuple[Path, ...] = ()) -> list[Path]:
        """Source files of `folder`, without those of nested folders in `without`."""
        inner = [other for other in without if other != folder and other.is_relative_to(folder)]
        return [
            path
            for path in self.files
            if path.suffix in suffixes
            and path.is_relative_to(folder)
            and not any(path.is_relative_to(other) for other in inner)
        ]

    def upward(self, folder: Path) -> Iterator[tuple[Path, str]]:
        """`folder` and its parents up to the root, each with the relative prefix that leads there."""
        depth = len(folder.relative_to(self.root).parts)
        for up, place in zip(range(depth + 1), (folder, *folder.parents), strict=False):
            yield place, "../" * up

    def text(self, path: Path) -> str:
        """The content; "" when it is missing, large or not text."""
        if path not in self._texts:
            self._texts[path] = _text(path)
        return self._texts[path]

    def shown(self, path: Path) -> str:
        """`path` relative to the root, POSIX."""
        return path.relative_to(self.root).as_posix()


def line_of(text: str, at: int) -> int:
    """1-based line of an offset."""
    return text.count("\n", 0, at) + 1


def _walk(root: Path, skipped: set[str]) -> Iterator[Path]:
    count = 0
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        deep = len(here.relative_to(root).parts) >= MAX_DEPTH
        folders[:] = [] if deep else sorted(n for n in folders if n not in skipped and not n.startswith("."))
        for name in sorted(files):
            count += 1
            if count > MAX_FILES:
                return
            yield here / name


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            return ""
        return regular.read(path).decode("utf-8-sig", "replace")
    except OSError:
        return ""
