"""Pages of `devstack explain` that are not rules: words that findings and `devstack ws` use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_HMR_SOCKET = """\
The answer came from a dev server's own hot-reload socket, not from your backend.

## Why it matters
Vite and Next keep a WebSocket open to every page for hot module replacement (HMR). Vite's accepts any
path and any subprotocol from a client that sends no `Origin`, so a naive check says "connected" although
the backend never saw the request. Vite answers with a first frame `{"type":"connected"}`; a backend of
yours does not. A browser gets HTTP 400 there and shows close code 1006.

A console that shows two sockets, one of them failing, often shows only this one: it is harmless if the
app's socket is open, and `devstack ws SERVICE` says whether it is.

## Example
`NEXT_PUBLIC_WS_URL=ws://localhost:5173` where 5173 is the page's own port, or `server.hmr.port = 3001` in
`vite.config.ts` where 3001 is the backend's.

## Mending
Let the variable name the backend's port (rules `url-points-at-frontend`, `url-wrong-port`), or give HMR a
port of its own (rule `hmr-port-clash`).
"""

_CODE_1006 = """\
1006 is no code that a server sent: the browser made it up because the connection ended without a close frame.

## Why it matters
Browsers hide from scripts whether the name did not resolve, nothing listened, TLS failed, the upgrade was
refused (401, 403, 404) or the process died: all of them are `error` and then close code 1006.

## Example
A server that calls `close(4401)` before it accepted answers HTTP 403, so the page never sees 4401.

## Mending
`devstack ws SERVICE` goes through the steps one by one and names the one that fails. A server that wants
the page to see a code must accept first and then close with it.
"""

TOPICS: Mapping[str, str] = MappingProxyType({"hmr-socket": _HMR_SOCKET, "1006": _CODE_1006})
