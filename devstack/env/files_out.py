"""Writes files so that a crash, a second writer or a reader never meets half of one.

A file is replaced by renaming a finished copy over it: its mode stays, a link keeps pointing at it. It is left
alone when it changed since it was read.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from devstack.errors import RefusedError, SystemProblem
from devstack.records import dataclass

NEW_FILE_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FileChange:
    """One file before and after.

    Attributes:
        path: absolute, links followed.
        before: None where there is no file yet.
        after: the new content; None = unchanged content (only `mode` changes).
        mode: the new permission bits; None keeps them, 0600 for a new file.
    """

    path: Path
    before: bytes | None
    after: bytes | None = None
    mode: int | None = None

    @property
    def is_change(self) -> bool:
        """Whether writing would change anything."""
        return self.mode is not None or (self.after is not None and self.after != self.before)

    def __repr__(self) -> str:
        return f"FileChange({str(self.path)!r}, {'new' if self.before is None else 'changed'})"


def target(path: Path) -> Path:
    """The file that `path` really is: links followed, also one whose target does not exist yet."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as problem:
        raise SystemProblem(f"{path.name}: its links lead nowhere or in a circle") from problem


def current(path: Path) -> FileChange:
    """The file as it is now.

    Raises:
        RefusedError: a folder, or nothing that can be replaced.
        SystemProblem: it cannot be read.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return FileChange(path=path, before=None)
    except OSError as problem:
        raise SystemProblem(f"{path}: {problem.strerror}") from problem
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise RefusedError(f"{path} is {kind}, so no variable can be written to it.")
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise SystemProblem(f"{path}: {problem.strerror}", hint="check its permissions") from problem
    return FileChange(path=path, before=content, after=content)


def write(changes: Iterable[FileChange]) -> None:
    """Write every change; all are checked before the first is written.

    Raises:
        RefusedError: a file changed since it was read, or is read-only.
        SystemProblem: the system does not let it be written; the file is as before.
    """
    listed = [change for change in changes if change.is_change]
    for change in listed:
        _check(change)
    for change in listed:
        try:
            _write(change)
        except OSError as problem:
            raise SystemProblem(
                f"{change.path}: {problem.strerror or problem}; it was not changed"
            ) from problem


def _check(change: FileChange) -> None:
    path = change.path
    if current(path).before != change.before:
        raise RefusedError(
            f"{path} changed since it was read, so it was left alone.", hint="run the command again"
        )
    if change.before is not None and change.after not in {None, change.before}:
        is_read_only = not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK)
        if is_read_only:
            raise RefusedError(
                f"{path} is read-only.", hint=f"`chmod u+w {path}`, then run the command again"
            )
    if change.before is None and not path.parent.is_dir():
        raise SystemProblem(f"{path.parent} does not exist, so {path.name} cannot be created there.")


def _write(change: FileChange) -> None:
    path = change.path
    if change.after is None or change.after == change.before:
        if change.mode is not None:
            path.chmod(change.mode)
        return
    old = path.stat() if change.before is not None else None
    mode = change.mode
    if mode is None:
        mode = stat.S_IMODE(old.st_mode) if old is not None else NEW_FILE_MODE
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(change.after)
            stream.flush()
            if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(stream.fileno(), old.st_uid, old.st_gid)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
