"""Ports as the rest of devstack sees them: who listens, whether a port is free, whose it is, freeing it."""

from __future__ import annotations

from devstack.host.freeing import GRACE, Freed, Outcome, carry_out, free
from devstack.host.holders import holders, occupant_note
from devstack.host.judging import Context, Record
from devstack.host.listening import bind_error, is_bindable, listeners, listeners_of, occupants
from devstack.host.model import Holder
from devstack.host.policy import Permission, may_kill
from devstack.host.status import PortStatus, every_listener, status, udp_status
from devstack.host.stopping import Proposal, propose

__all__ = [
    "GRACE",
    "Context",
    "Freed",
    "Holder",
    "Outcome",
    "Permission",
    "PortStatus",
    "Proposal",
    "Record",
    "bind_error",
    "carry_out",
    "every_listener",
    "free",
    "holders",
    "is_bindable",
    "listeners",
    "listeners_of",
    "may_kill",
    "occupant_note",
    "occupants",
    "propose",
    "status",
    "udp_status",
]
