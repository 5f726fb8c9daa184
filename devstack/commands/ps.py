"""`devstack ps`: the state of each service of the running stack."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from devstack.commands.running import Place, write
from devstack.errors import ExitCode, NotRunningError
from devstack.views.services import services_document, services_table
from devstack.views.wording import listed


def ps(place: Place, *, as_json: bool) -> int:
    """Show the table, or the JSON contract. Raises NotRunningError."""
    try:
        services = place.client().state()["services"]
    except NotRunningError:
        _tell_leftovers(place)
        raise
    if as_json:
        write(services_document(services))
    else:
        style = place.style()
        width = style.width if sys.stdout.isatty() else None
        write(services_table(services, style, time.time(), _declared(place), width=width))
    return int(ExitCode.OK)


def _declared(place: Place) -> Mapping[str, int]:
    """Ports of stack.toml where the run uses others (`up --isolate`)."""
    from devstack.host.state_file import read

    record = read(place.private_folder())
    return {} if record is None else record.declared


def _tell_leftovers(place: Place) -> None:
    """A run that died may have left processes: then that is the answer."""
    from devstack.host.leftovers import living
    from devstack.host.run_lock import running_pid
    from devstack.host.state_file import read

    folder = place.private_folder()
    record = read(folder)
    if record is None or running_pid(folder) is not None:
        return
    left = living(record)
    if left:
        pids = listed([str(one.pid) for one in left])
        raise NotRunningError(
            f"the last run in {folder.path.parent} died; still alive: pid {pids}",
            hint="`devstack down` stops what is left.",
        )
