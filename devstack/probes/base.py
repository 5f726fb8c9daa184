"""What every probe answers. One attempt each, never an exception; timing is the runner's."""

from __future__ import annotations

from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The outcome of one attempt, in words that fit behind "last answer:".

    Attributes:
        note: something odd about a good answer (`IPv6 only`).
        fatal: waiting longer cannot help.
        refused: the service runs and says no to a client of this stack; that is no reason to end it.
        settled: it will say the same again until it or the environment changes.
    """

    ok: bool
    detail: str
    note: str = ""
    fatal: bool = False
    refused: bool = False
    settled: bool = False
