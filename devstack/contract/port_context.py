"""From whose point of view ports are judged: this checkout, and what its last run recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.host.checkouts import checkout_root
from devstack.host.judging import Context, Record
from devstack.host.model import PortState
from devstack.host.process_facts import is_alive
from devstack.host.status import status

if TYPE_CHECKING:
    from devstack.stack.model import Stack


def context_of(folder: Path, *, has_stack: bool = True) -> Context:
    """The context of a command that works in `folder`: the stack's root, or any folder without a stack.

    Outside of a checkout and without a stack nothing counts as ours: a command given in the home folder must
    not take every server below it for one of its own.
    """
    here = str(folder.resolve())
    checkout = checkout_root(here)
    if checkout in (None, "/", str(Path.home())):
        checkout = here if has_stack else None
    if not has_stack:
        return Context(root=checkout)
    from devstack.host import state_file
    from devstack.host.private_folder import PrivateFolder

    run = state_file.read(PrivateFolder.beside(Path(here)))
    if run is None or run.boot != state_file.boot_id():  # pids of an earlier boot mean nothing
        return Context(root=checkout)
    return Context(
        root=checkout,
        run=run.run,
        supervisor=run.supervisor,
        records=tuple(Record(service=name, id=one.id, ports=one.ports) for name, one in run.services.items()),
    )


def ports_in_use(stack: Stack, context: Context) -> dict[tuple[str, str], int]:
    """(service, role) → port, where a living run uses another one than stack.toml declares (`--isolate`)."""
    found: dict[tuple[str, str], int] = {}
    for record in context.records:
        service = stack.services.get(record.service)
        if service is None or len(record.ports) != len(service.all_ports) or not is_alive(record.id):
            continue
        for declared, number in zip(service.all_ports, record.ports, strict=True):
            if declared.number != number:
                found[service.name, declared.role] = number
    return found


def ports_of_run(context: Context) -> dict[str, tuple[int, ...]]:
    """Service → its ports, for the services that live in a run whose devstack lives as well."""
    if context.supervisor is None or not is_alive(context.supervisor):
        return {}
    return {record.service: record.ports for record in context.records if is_alive(record.id)}


def is_taken(context: Context) -> Callable[[int], bool]:
    """Whether somebody else than this checkout has a port; for `isolate.choose_offset`."""

    def look(port: int) -> bool:
        return status([port], context)[0].state not in (PortState.FREE, PortState.OURS)

    return look
