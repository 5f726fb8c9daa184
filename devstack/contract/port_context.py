"""From whose point of view ports are judged: this checkout, and what its last run recorded."""

from __future__ import annotations

from pathlib import Path

from devstack.host import state_file
from devstack.host.checkouts import checkout_root
from devstack.host.judging import Context, Record
from devstack.host.private_folder import PrivateFolder


def context_of(folder: Path, *, has_stack: bool = True) -> Context:
    """The context of a command that works in `folder`: the stack's root, or any folder without a stack.

    Outside of a checkout and without a stack nothing counts as ours: a command given in the home folder must
    not take every server below it for one of its own.
    """
    here = str(folder.resolve())
    checkout = checkout_root(here)
    if checkout in (None, "/", str(Path.home())):
        checkout = here if has_stack else None
    run = state_file.read(PrivateFolder.beside(Path(here))) if has_stack else None
    if run is None or run.boot != state_file.boot_id():  # pids of an earlier boot mean nothing
        return Context(root=checkout)
    return Context(
        root=checkout,
        run=run.run,
        supervisor=run.supervisor,
        records=tuple(Record(service=name, id=one.id) for name, one in run.services.items()),
    )
