"""`devstack up --isolate`: the stack of this checkout on ports of its own, beside another checkout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract.isolate import Isolation, choose_offset, isolate, not_applied
from devstack.contract.port_context import context_of, is_taken

if TYPE_CHECKING:
    from devstack.stack.model import Stack


def isolated(stack: Stack, environment: Mapping[str, str]) -> Isolation:
    """The moved stack: the same ports for this checkout every time, as long as nobody else has them.

    Args:
        environment: the environment devstack was started with.
    """
    from devstack.env.files import Files
    from devstack.env.resolve import resolve
    from devstack.env.source.scan import SourceScanner

    files = Files(stack.root)
    scanner = SourceScanner(stack.root, files)
    context = context_of(stack.root)
    checkout = Path(context.root or stack.root)
    found = isolate(
        stack,
        resolve(stack, process=environment, files=files),
        lambda name: scanner.index(stack, stack.services[name]),
        offset=choose_offset(stack, checkout, is_taken(context)),
    )
    lost = not_applied(found, resolve(found.stack, process=environment, files=files))
    return replace(found, remarks=(*found.remarks, *lost))
