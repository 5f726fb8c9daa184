"""Ports as the rest of devstack sees them: who listens, whether a port is free, whose it is, freeing it."""

from __future__ import annotations

from devstack.host.listening import bind_error, is_bindable, listeners, listeners_of, occupants

__all__ = ["bind_error", "is_bindable", "listeners", "listeners_of", "occupants"]
