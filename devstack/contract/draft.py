"""Changes to env files that are not written yet, and what every program would see with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.contract.members import Effective, Facts
from devstack.env import files_out
from devstack.env.edit import set_value
from devstack.env.files import Files
from devstack.env.files_out import FileChange
from devstack.env.model import Environment
from devstack.env.readers import Readers
from devstack.env.resolve import resolve
from devstack.env.source.model import SourceIndex
from devstack.records import replace
from devstack.stack.model import Member, Stack


class Draft:
    """Collects edits; each later question is answered as if the earlier ones were written."""

    def __init__(self, stack: Stack, environments: Mapping[str, Environment], files: Files) -> None:
        self.stack = stack
        self.files = files
        self._environments = dict(environments)
        self._process = next((dict(found.process) for found in environments.values()), {})
        self._changes: dict[Path, FileChange] = {}
        self._contents: dict[Path, bytes] = {}
        self._is_current = True

    def environments(self) -> dict[str, Environment]:
        """What each service would see."""
        if not self._is_current:
            self._environments = resolve(
                self.stack, process=self._process, files=self._overlaid(), services=list(self._environments)
            )
            self._is_current = True
        return self._environments

    def effective(self, member: Member) -> Effective:
        """What a member would be worth, fallbacks in source left aside."""
        return self.facts(lambda _: SourceIndex()).effective(member)

    def facts(self, sources: Callable[[str], SourceIndex]) -> Facts:
        """What the contract is judged by, with the edits."""
        return Facts(
            stack=self.stack, environments=self.environments(), sources=sources, files=self._overlaid()
        )

    def content(self, path: Path) -> bytes | None:
        """The content with all edits; None where there is no readable file."""
        if path in self._contents:
            return self._contents[path]
        try:
            return self.files.read(path)
        except OSError:
            return None

    def put(self, path: Path, content: bytes) -> None:
        """A file with this content."""
        real = files_out.target(path)
        change = self._changes.get(real) or files_out.current(real)
        self._changes[real] = replace(change, after=content)
        self._contents[path] = content
        for environment in self._environments.values():
            for layer in environment.layers:
                if layer.path not in self._contents and files_out.target(layer.path) == real:
                    self._contents[layer.path] = content
        for known in self._contents:
            if files_out.target(known) == real:
                self._contents[known] = content
        self._is_current = False

    def set(self, path: Path, name: str, value: str, *, line: int | None = None) -> None:
        """`name` set to `value`, in a spelling that every reader of the file reads alike."""
        readers = Readers(self.stack, self.environments())(path)
        self.put(path, set_value(self.content(path) or b"", name, value, readers, line=line))

    def append(self, path: Path, line: str) -> None:
        """One more line at the end."""
        content = self.content(path) or b""
        ending = b"\r\n" if content.count(b"\r\n") * 2 > content.count(b"\n") else b"\n"
        joint = b"" if not content or content.endswith(b"\n") else ending
        self.put(path, content + joint + line.encode("utf-8", "surrogateescape") + ending)

    def attempt(self, edit: Callable[[], bool]) -> bool:
        """Make edits together or not at all: where `edit` gives False, everything is as before."""
        before = dict(self._changes), dict(self._contents)
        is_done = edit()
        if not is_done:
            self._changes, self._contents = before
            self._is_current = False
        return is_done

    def changes(self) -> tuple[FileChange, ...]:
        """Everything that would be written."""
        return tuple(change for change in self._changes.values() if change.is_change)

    def _overlaid(self) -> Files:
        return self.files.overlaid(self._contents)
