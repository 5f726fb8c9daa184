"""`.devstack/`: what a run keeps beside stack.toml, readable by its owner only.

Folders are 0700, files 0600, whatever the umask. No symbolic link is followed at the last step, so nobody
can make a run write somewhere else; a folder that is a link or belongs to another user is refused. Content
that is replaced goes to a fresh file that is renamed, so a reader never sees half of one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from devstack.errors import RefusedError

NAME = ".devstack"
FILE_MODE = 0o600
FOLDER_MODE = 0o700
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class PrivateFolder:
    """A folder only its owner can read. Nothing is touched before `create()`; OSError says what failed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, root: Path) -> PrivateFolder:
        """The folder of the stack whose stack.toml lies in `root`."""
        return cls(root / NAME)

    def create(self) -> None:
        """Make the folder (0700, with a .gitignore that keeps it out of git) or check the existing one."""
        try:
            self.path.mkdir(mode=FOLDER_MODE)
        except FileExistsError:
            self._check()
        if self.path.name == NAME and not (self.path / ".gitignore").exists():
            self.write(".gitignore", b"*\n")

    def folder(self, name: str) -> PrivateFolder:
        """A folder inside this one, created where missing."""
        inner = PrivateFolder(self.path / name)
        inner.create()
        return inner

    def open_append(self, name: str) -> int:
        """A descriptor that appends to `name`, created where missing. The caller closes it."""
        return self._open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def open_lock(self, name: str) -> int:
        """A descriptor for reading, writing and locking `name`; its content is kept. The caller closes it."""
        return self._open(name, os.O_RDWR | os.O_CREAT)

    def write(self, name: str, content: bytes) -> None:
        """Replace the content of `name` in one step."""
        draft = f".{name}.{os.urandom(6).hex()}"
        handle = self._open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(content)
            (self.path / draft).replace(self.path / name)
        except BaseException:
            (self.path / draft).unlink(missing_ok=True)
            raise

    def read(self, name: str) -> bytes | None:
        """The content of `name`; None when there is no such file. A link is refused by the system."""
        try:
            handle = os.open(self.path / name, os.O_RDONLY | _NO_LINK)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as source:
            return source.read()

    def remove(self, name: str) -> None:
        """Delete `name` if it is there."""
        (self.path / name).unlink(missing_ok=True)

    def _open(self, name: str, flags: int) -> int:
        handle = os.open(self.path / name, flags | _NO_LINK, FILE_MODE)
        if hasattr(os, "fchmod") and stat.S_IMODE(os.fstat(handle).st_mode) != FILE_MODE:
            os.fchmod(handle, FILE_MODE)
        return handle

    def _check(self) -> None:
        facts = self.path.lstat()
        if not stat.S_ISDIR(facts.st_mode):
            raise RefusedError(
                f"{self.path} is not a folder (a link or a file).",
                hint="Remove it; devstack keeps the logs and state of a run there.",
            )
        if hasattr(os, "geteuid") and facts.st_uid != os.geteuid():
            raise RefusedError(
                f"{self.path} belongs to another user.",
                hint="Remove it, or run devstack as its owner.",
            )
        if stat.S_IMODE(facts.st_mode) != FOLDER_MODE:
            self.path.chmod(FOLDER_MODE)
