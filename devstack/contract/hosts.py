"""The dated table of hosts that do, do not, or only sometimes carry WebSockets (`hosts.toml`)."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Literal

from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """What is known of one host pattern.

    Attributes:
        websocket: `no` = cannot work, `some` = depends on product or a switch, `yes`.
        limit: what ends or refuses connections there, or None.
        tls_only: plain ws:// and http:// are redirected or refused.
        verified: year and month of the check.
    """

    pattern: str
    name: str
    websocket: Literal["no", "some", "yes"]
    source: str
    verified: str
    limit: str | None = None
    tls_only: bool = False


@lru_cache(maxsize=1)
def table() -> tuple[HostEntry, ...]:
    """All entries in the order of the file."""
    document = tomllib.loads(Path(__file__).with_name("hosts.toml").read_text(encoding="utf-8"))
    verified = str(document["verified"])
    return tuple(HostEntry(**{"verified": verified, **entry}) for entry in document["host"])


def find(host: str) -> HostEntry | None:
    """The entry for a host name; None for hosts that the table does not know."""
    lowered = host.lower()
    return next((entry for entry in table() if fnmatchcase(lowered, entry.pattern)), None)
