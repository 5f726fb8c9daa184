"""`none`: a program that reads no env file."""

from __future__ import annotations

from devstack.env.model import Loaded, LoadRequest
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """Reads nothing; the program gets what it is started with."""

    @property
    def pin(self) -> str:
        """The kind."""
        return "none"

    def load(self, request: LoadRequest) -> Loaded:
        """No variables, no layers."""
        return Loaded(variables={}, layers=())
