"""`devstack ps`: the state of each service of the running stack."""

from __future__ import annotations

import time

from devstack.commands.running import Place, write
from devstack.errors import ExitCode
from devstack.views.services import services_document, services_table


def ps(place: Place, *, as_json: bool) -> int:
    """Show the table, or the JSON contract. Raises NotRunningError."""
    services = place.client().state()["services"]
    write(services_document(services) if as_json else services_table(services, place.style(), time.time()))
    return int(ExitCode.OK)
