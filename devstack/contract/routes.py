"""WebSocket routes that a service's source declares: FastAPI, Starlette, ws, express-ws, Django Channels.

A cheap textual search: it only helps to tell a wrong path from a refused token where a server answers both
with 403, and an empty result means "not known".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from devstack import regular

MAX_FILES = 2000
MAX_BYTES = 512_000
SUFFIXES = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts")
SKIPPED = frozenset(
    {"node_modules", "dist", "build", "site-packages", "__pycache__", "coverage", "tests", "test"}
)

ROUTE = re.compile(
    rb"""(?:\.websocket(?:_route)?|WebSocketRoute|APIWebSocketRoute|\.ws)\s*\(\s*[rf]?["'](?P<call>/[^"'\s]*)["']"""
    rb"""|WebSocketServer\s*\(\s*\{[^}]*?\bpath\s*:\s*["'](?P<option>/[^"'\s]*)["']"""
)


def find(folder: Path) -> tuple[str, ...]:
    """Routes below `folder`, in the order found, without repetitions; empty where none is recognised."""
    found: dict[str, None] = {}
    for path in _sources(folder):
        try:
            content = regular.read(path)[:MAX_BYTES]
        except OSError:
            continue
        if b"ebsocket" not in content.lower():
            continue
        for match in ROUTE.finditer(content):
            found.setdefault((match["call"] or match["option"]).decode("utf-8", "replace"))
    return tuple(found)


def _sources(folder: Path) -> Iterator[Path]:
    seen = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in SKIPPED and not name.startswith((".", "venv"))
        )
        for name in sorted(names):
            if name.endswith(SUFFIXES):
                seen += 1
                if seen > MAX_FILES:
                    return
                yield Path(root, name)
