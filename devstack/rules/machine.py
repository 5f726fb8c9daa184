"""The facts about this machine that rules ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from devstack.host.ports import PortStatus


class Host(Protocol):
    """The facts about this machine that rules ask for; `RealHost` asks the machine, tests give answers."""

    def tracked(self, root: Path, patterns: Sequence[str]) -> frozenset[str] | None:
        """Files that git tracks, POSIX relative to `root`; None outside a repository."""
        ...

    def ignored(self, root: Path, paths: Iterable[str]) -> frozenset[str] | None:
        """Those of `paths` that git ignores; None outside a repository."""
        ...

    def which(self, program: str, search_path: str | None, folder: Path) -> Path | None:
        """The file that would be started."""
        ...

    def version(self, program: Path, environment: Mapping[str, str]) -> tuple[int, ...] | None:
        """What `program --version` answers."""
        ...

    def started_with(self, pid: int, names: Sequence[str]) -> Mapping[str, str]:
        """Those of `names` that stood in the environment a process was started with, where that can be seen."""
        ...

    def ports(self, numbers: Sequence[int], root: Path) -> Sequence[PortStatus]:
        """Each port now: free, held, and by whom."""
        ...

    def ports_of_run(self, root: Path) -> Mapping[str, tuple[int, ...]]:
        """The services that a living run of this stack has up, with the ports they were told to use."""
        ...


class RealHost:
    """This machine. Imports happen inside: most runs of doctor ask only some of it."""

    def tracked(self, root: Path, patterns: Sequence[str]) -> frozenset[str] | None:
        """See `Host.tracked`."""
        from devstack.host import git

        return git.tracked_files(root, patterns)

    def ignored(self, root: Path, paths: Iterable[str]) -> frozenset[str] | None:
        """See `Host.ignored`."""
        from devstack.host import git

        return git.ignored_files(root, paths)

    def which(self, program: str, search_path: str | None, folder: Path) -> Path | None:
        """See `Host.which`."""
        from devstack.host import tools

        return tools.which(program, search_path, folder)

    def version(self, program: Path, environment: Mapping[str, str]) -> tuple[int, ...] | None:
        """See `Host.version`."""
        from devstack.host import tools

        return tools.version(program, environment)

    def started_with(self, pid: int, names: Sequence[str]) -> Mapping[str, str]:
        """See `Host.started_with`."""
        from devstack.host import tree

        found = {name: tree.tag(pid, name) for name in names}
        return {
            name: text.decode("utf-8", "surrogateescape") for name, text in found.items() if text is not None
        }

    def ports(self, numbers: Sequence[int], root: Path) -> Sequence[PortStatus]:
        """See `Host.ports`."""
        from devstack.contract.port_context import context_of
        from devstack.host import ports as host_ports

        return host_ports.status(numbers, context_of(root))

    def ports_of_run(self, root: Path) -> Mapping[str, tuple[int, ...]]:
        """See `Host.ports_of_run`."""
        from devstack.contract import port_context

        return port_context.ports_of_run(port_context.context_of(root))
