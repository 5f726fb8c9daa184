"""What server and client of a run share: where the socket is, and the public form of a run's state."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from devstack.host.private_folder import PrivateFolder
from devstack.records import dataclass
from devstack.run.schedule import holds, real
from devstack.run.state import Kind, RunState

SOCKET = "control.sock"
ADDRESS_FILE = "control"
"""Names the socket where it could not lie in the folder itself."""
LONGEST_PATH = 100
"""Bytes; the kernel takes 108 (Linux) or 104 (macOS)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What a changed stack.toml means for a run.

    Attributes:
        services: all names from now on, in start order; `anew`: those among them that are started.
        later: options of `[devstack]` that count from the next `up` on.
    """

    services: tuple[str, ...]
    anew: tuple[str, ...]
    later: tuple[str, ...] = ()


def socket_path(folder: PrivateFolder) -> Path | None:
    """Where the control socket of the run in `folder` should be; None when no run left one."""
    recorded = folder.read(ADDRESS_FILE)
    if recorded is not None:
        return Path(os.fsdecode(recorded.strip()))
    path = folder.path / SOCKET
    return path if _is_socket(path) else None


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False


def services_json(state: RunState) -> list[dict[str, Any]]:
    """The services of `devstack ps --json`, in start order; `setups` tells more of those in `waiting_for`."""
    held = holds(state)
    return [
        {
            "name": name,
            "phase": one.phase.value,
            "generation": one.generation,
            "pid": one.pid,
            "port": state.specs[name].port,
            "since": one.since,
            "restarts": one.restarts,
            "waiting_for": [hold.blocker for hold in held.get(name, ())],
            "setups": {
                hold.blocker: {"command": state.specs[hold.blocker].command, "since": hold.since}
                for hold in held.get(name, ())
                if state.specs[hold.blocker].kind is Kind.SETUP
            },
            "last_probe": {"ok": one.probe.ok, "detail": one.probe.detail} if one.probe else None,
            "reason": one.reason,
            "skipped": one.skipped,
            "note": one.note,
            "optional": state.specs[name].optional,
        }
        for name, one in real(state).items()
    ]
