"""The one index of files: each is read and looked at once per run, and shared by loaders, rules and scans."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SHORT = 200  # entries; in a longer listing looking for a name takes longer than asking the system
# A link that leads back to itself is, to a program as well, a file that is not there.
_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def normal(path: Path) -> Path:
    """The path without `..`, told by its text alone."""
    return Path(os.path.normpath(path)) if ".." in path.parts else path


class Files:
    """Reads below and beside `root`; answers are remembered for the life of the object.

    A path that is no regular file is never opened: reading a FIFO would wait for its writer, and take from
    the program what was meant for it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        # By text: a Path takes longer to make comparable than the system to answer.
        self._contents: dict[str, bytes | OSError | None] = {}
        self._facts: dict[str, os.stat_result | int] = {}
        self._entries: dict[str, dict[str, os.DirEntry[str]] | None] = {}
        self._derived: dict[object, object] = {}

    def read(self, path: Path | str) -> bytes | None:
        """The content; None where no file is. Raises OSError when it exists but cannot be read."""
        key = str(path)
        if key not in self._contents:
            self._contents[key] = self._read(key)
        found = self._contents[key]
        if isinstance(found, OSError):
            raise found
        return found

    def held(self, path: Path | str) -> bytes | None:
        """The content where it has been read already."""
        found = self._contents.get(str(path))
        return None if isinstance(found, OSError) else found

    def stat(self, path: Path | str) -> os.stat_result | None:
        """Facts of what `path` leads to (links followed); None where nothing is or may be seen."""
        found = self._looked_at(str(path))
        return None if isinstance(found, int) else found

    def is_file(self, path: Path | str) -> bool:
        """Whether a regular file is there."""
        facts = self.stat(path)
        return facts is not None and stat.S_ISREG(facts.st_mode)

    def is_folder(self, path: Path | str) -> bool:
        """Whether a folder is there."""
        facts = self.stat(path)
        return facts is not None and stat.S_ISDIR(facts.st_mode)

    def names(self, folder: Path | str) -> tuple[str, ...]:
        """Sorted names inside `folder`; empty where it cannot be listed."""
        return tuple(self._listed(str(folder)) or ())

    def entries(self, folder: str) -> tuple[os.DirEntry[str], ...]:
        """What is inside `folder`, by name; empty where it cannot be listed."""
        listed = self._listed(folder)
        return () if listed is None else tuple(listed.values())

    def may_hold(self, folder: Path | str, *names: str) -> bool:
        """Whether one of `names` is in `folder`, by one look for all names; True where it cannot be listed."""
        listed = self._listed(str(folder))
        return listed is None or not listed.keys().isdisjoint(names)

    def derive(self, work_out: Callable[..., T], *about: str) -> T:
        """What `work_out(self, *about)` gives, worked out once; as lasting as the contents."""
        key = (work_out, about)
        if key not in self._derived:
            self._derived[key] = work_out(self, *about)
        found: T = self._derived[key]  # type: ignore[assignment]
        return found

    def overlaid(self, contents: Mapping[Path, bytes]) -> Files:
        """What a program would find if these files had these contents; nothing is written."""
        copy = Files(self.root)
        copy._contents = {**self._contents, **{str(path): content for path, content in contents.items()}}
        copy._facts = dict(self._facts)
        return copy

    def _listed(self, folder: str) -> dict[str, os.DirEntry[str]] | None:
        if folder not in self._entries:
            try:
                with os.scandir(folder) as found:
                    entries = {entry.name: entry for entry in found}
                self._entries[folder] = {name: entries[name] for name in sorted(entries)}
            except (FileNotFoundError, NotADirectoryError):
                self._entries[folder] = {}
            except OSError:
                self._entries[folder] = None
        return self._entries[folder]

    def _looked_at(self, path: str) -> os.stat_result | int:
        """Facts, or the number of the error instead of them."""
        found = self._facts.get(path)
        if found is None:
            found = self._facts[path] = errno.ENOENT if self._is_absent(path) else _facts(path)
        return found

    def _is_absent(self, path: str) -> bool:
        """Whether a listing that is at hand lacks the name, in capital or small letters; False says nothing."""
        folder, _, name = path.rpartition(os.sep)
        listed = self._entries.get(folder)
        if listed is None or name in listed or len(listed) > _SHORT or not name.isascii():
            return False
        return name not in ("", ".", "..") and name.lower() not in map(str.lower, listed)

    def _read(self, path: str) -> bytes | OSError | None:
        facts = self._looked_at(path)
        if isinstance(facts, int):
            return None if facts in _NOTHING_THERE else OSError(facts, os.strerror(facts), path)
        if stat.S_ISDIR(facts.st_mode):
            return None
        if not stat.S_ISREG(facts.st_mode):
            return OSError(errno.EINVAL, "not a regular file, so it is not read", path)
        try:
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - asked for thousands of paths
                return stream.read()
        except FileNotFoundError:
            return None
        except OSError as problem:
            return problem


def _facts(path: str) -> os.stat_result | int:
    try:
        return os.stat(path)  # noqa: PTH116 - asked for ten thousands of paths
    except OSError as problem:
        return problem.errno or errno.EIO
    except ValueError:  # a name that no file can have
        return errno.ENOENT
