"""`devstack up --isolate`: the stack of this checkout on ports of its own, beside another checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract.isolate import Isolation, choose_offset, isolate, not_applied
from devstack.contract.port_context import context_of, is_taken

if TYPE_CHECKING:
    from devstack.env.source.model import SourceIndex
    from devstack.stack.model import Stack


class MovedStack:
    """A stack moved by one offset, chosen once; its values follow the env files as they change.

    The offset is the same for this checkout every time, as long as nobody else has one of the ports.
    """

    def __init__(self, declared: Stack, environment: Mapping[str, str], *, offset: int | None = None) -> None:
        """`environment`: the one devstack was started with; `offset`: a known one, chosen otherwise."""
        self.declared = declared
        self._environment = environment
        self._sources = _Sources(declared)
        self._offset = _chosen(declared) if offset is None else offset
        self.isolation = self._isolate()

    def succeed(self, declared: Stack) -> MovedStack:
        """Another stack, moved by the same offset."""
        return MovedStack(declared, self._environment, offset=self._offset)

    def current(self) -> Stack:
        """The moved stack by the env files of this moment."""
        return self._isolate().stack

    def remarks(self) -> tuple[str, ...]:
        """What does not move: ports nothing carries, addresses in the code, files that win over processes."""
        from devstack.env.files import Files
        from devstack.env.resolve import resolve

        moved = self.isolation.stack
        environments = resolve(moved, process=self._environment, files=Files(moved.root))
        return (*self.isolation.remarks, *not_applied(self.isolation, environments))

    def _isolate(self) -> Isolation:
        from devstack.env.files import Files
        from devstack.env.resolve import resolve

        environments = resolve(self.declared, process=self._environment, files=Files(self.declared.root))
        return isolate(self.declared, environments, self._sources, offset=self._offset)


def _chosen(declared: Stack) -> int:
    context = context_of(declared.root)
    return choose_offset(declared, Path(context.root or declared.root), is_taken(context))


class _Sources:
    """What the code of each service reads; scanned once for each."""

    def __init__(self, stack: Stack) -> None:
        from devstack.env.files import Files
        from devstack.env.source.scan import SourceScanner

        self._stack = stack
        self._scanner = SourceScanner(stack.root, Files(stack.root))
        self._known: dict[str, SourceIndex] = {}

    def __call__(self, name: str) -> SourceIndex:
        if name not in self._known:
            self._known[name] = self._scanner.index(self._stack, self._stack.services[name])
        return self._known[name]
