"""The run of this checkout, as commands outside of it see it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.control.client import ControlClient
from devstack.errors import UsageError
from devstack.host.private_folder import PrivateFolder
from devstack.records import dataclass
from devstack.views.style import Style, detect


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command was called: the folder, and devstack's own environment."""

    folder: Path
    environment: Mapping[str, str]

    def private_folder(self) -> PrivateFolder:
        """`.devstack/` of the stack of this folder. stack.toml only has to be there, not to be right."""
        from devstack.stack.load import find

        return PrivateFolder.beside(find(self.folder).parent)

    def client(self) -> ControlClient:
        """Speaks to the run of this folder."""
        return ControlClient(self.private_folder())

    def style(self) -> Style:
        """What standard output can show."""
        return detect(sys.stdout, self.environment)


def seconds(option: str, text: str | None) -> float | None:
    """A duration given on the command line; None when there is none."""
    from devstack import durations

    if text is None:
        return None
    try:
        return durations.parse(text)
    except ValueError as problem:
        raise UsageError(f"{option}: {problem}") from None


def write(text: str) -> None:
    """One text to standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
