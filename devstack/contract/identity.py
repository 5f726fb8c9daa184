"""Who answers on a port: a frontend's dev server, its HMR socket, socket.io, or something else.

The fingerprints were measured on Vite 5–8, Next 14–16, socket.io 4; each asks for a path that
costs the server nothing and changes nothing.
"""

from __future__ import annotations

from enum import StrEnum

from devstack import foreign
from devstack.contract.attempt import Answer
from devstack.contract.connection import Endpoint
from devstack.contract.plain_http import get
from devstack.records import dataclass

NEXT_HMR_PATHS = ("/_next/webpack-hmr", "/_next/hmr")
NEXT_HMR_ACTIONS = frozenset({"turbopack-connected", "isrManifest", "sync", "built", "building"})
SOCKET_IO_PROBE = "/socket.io/?EIO=4&transport=polling"
ENGINE_OPEN = b'0{"sid"'


class Program(StrEnum):
    """What kind of server was recognised."""

    VITE = "vite"
    NEXT = "next"
    VITE_HMR = "vite-hmr"
    NEXT_HMR = "next-hmr"
    SOCKET_IO = "socket.io"
    WEBSOCKET_ONLY = "websocket-only"
    HTTP = "http"
    UNKNOWN = "unknown"


DEV_SERVERS = frozenset({Program.VITE, Program.NEXT})
HMR_SOCKETS = frozenset({Program.VITE_HMR, Program.NEXT_HMR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The recognised program and by what it was recognised."""

    program: Program
    evidence: str = ""


async def ask(endpoint: Endpoint, *, timeout: float = 2.0) -> Identity:
    """Recognise the server by a few plain requests, one after the other."""
    ping = await get(endpoint, "/", headers={"Accept": "text/x-vite-ping"}, timeout=timeout, limit=16_384)
    if ping.status == 204:
        return Identity(program=Program.VITE, evidence="it answers Vite's ping with 204")
    if ping.status == 426:
        # Python's websockets and Node's ws say so, and ws is what Vite's separate HMR port is.
        return Identity(program=Program.WEBSOCKET_ONLY, evidence="426 to a plain request")
    if ping.status is None:
        return Identity(program=Program.UNKNOWN, evidence=ping.problem)
    if "next" in ping.headers.get("x-powered-by", "").lower() or b"/_next/" in ping.body:
        return Identity(program=Program.NEXT, evidence="its page is made by Next.js")
    if b"/@vite/client" in ping.body:
        return Identity(program=Program.VITE, evidence="its page loads /@vite/client")
    engine = await get(endpoint, SOCKET_IO_PROBE, timeout=timeout, limit=4096)
    if ENGINE_OPEN in engine.body or _is_engine_error(engine.json()):
        return Identity(program=Program.SOCKET_IO, evidence="it answers the engine.io handshake")
    return Identity(program=Program.HTTP, evidence=f"HTTP {ping.status} on /")


def _is_engine_error(body: object) -> bool:
    return isinstance(body, dict) and set(body) == {"code", "message"} and body["code"] in range(6)


def of_answer(answer: Answer, path: str) -> Identity | None:
    """The HMR socket that `answer` gives away, or None. An app's socket is never one of these."""
    if answer.opened:
        if answer.subprotocol in ("vite-hmr", "vite-ping"):
            return Identity(program=Program.VITE_HMR, evidence=f"subprotocol {answer.subprotocol}")
        return _of_first_frame(answer)
    if path.startswith(NEXT_HMR_PATHS):
        return Identity(program=Program.NEXT_HMR, evidence=f"path {path}")
    return None


def _of_first_frame(answer: Answer) -> Identity | None:
    if not answer.frames:
        return None
    first = foreign.from_json(answer.frames[0])
    if first == {"type": "connected"}:
        return Identity(program=Program.VITE_HMR, evidence='its first message is {"type":"connected"}')
    action = first.get("action") or first.get("type") if isinstance(first, dict) else None
    if isinstance(action, str) and action in NEXT_HMR_ACTIONS:
        return Identity(program=Program.NEXT_HMR, evidence=f"its first message is Next's {action}")
    return None
