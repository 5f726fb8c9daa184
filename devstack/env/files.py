"""The one index of files: each is read and looked at once per run, and shared by loaders, rules and scans."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path


class Files:
    """Reads below and beside `root`; answers are remembered for the life of the object.

    A path that is no regular file is never opened: reading a FIFO would wait for its writer, and take from
    the program what was meant for it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._contents: dict[Path, bytes | OSError | None] = {}
        self._facts: dict[Path, os.stat_result | None] = {}
        self._names: dict[Path, tuple[str, ...]] = {}

    def read(self, path: Path) -> bytes | None:
        """The content; None where no file is. Raises OSError when it exists but cannot be read."""
        if path not in self._contents:
            self._contents[path] = self._read(path)
        found = self._contents[path]
        if isinstance(found, OSError):
            raise found
        return found

    def stat(self, path: Path) -> os.stat_result | None:
        """Facts of what `path` leads to (links followed); None where nothing is or may be seen."""
        if path not in self._facts:
            try:
                self._facts[path] = path.stat()
            except (OSError, ValueError):
                self._facts[path] = None
        return self._facts[path]

    def is_file(self, path: Path) -> bool:
        """Whether a regular file is there."""
        facts = self.stat(path)
        return facts is not None and stat.S_ISREG(facts.st_mode)

    def is_folder(self, path: Path) -> bool:
        """Whether a folder is there."""
        facts = self.stat(path)
        return facts is not None and stat.S_ISDIR(facts.st_mode)

    def names(self, folder: Path) -> tuple[str, ...]:
        """Sorted names inside `folder`; empty where it cannot be listed."""
        if folder not in self._names:
            try:
                self._names[folder] = tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - no Path for each entry
            except OSError:
                self._names[folder] = ()
        return self._names[folder]

    def overlaid(self, contents: Mapping[Path, bytes]) -> Files:
        """What a program would find if these files had these contents; nothing is written."""
        copy = Files(self.root)
        copy._contents = {**self._contents, **contents}
        copy._facts = dict(self._facts)
        return copy

    def _read(self, path: Path) -> bytes | OSError | None:
        facts = self.stat(path)
        if facts is None:
            return self._why_not(path)
        if stat.S_ISDIR(facts.st_mode):
            return None
        if not stat.S_ISREG(facts.st_mode):
            return OSError(errno.EINVAL, "not a regular file, so it is not read", str(path))
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            return problem

    @staticmethod
    def _why_not(path: Path) -> OSError | None:
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        except OSError as problem:
            return problem
        return None
