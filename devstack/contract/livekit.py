"""What LiveKit's `/rtc/validate` says: which of key, secret, expiry and grant is wrong.

The server's own text echoes the token, so only our words leave this module. Wording measured on livekit-server;
source: its auth middleware.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from devstack.contract.connection import Endpoint
from devstack.contract.plain_http import HttpAnswer, get

_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"invalid api key",
        "the server does not know this API key: LIVEKIT_API_KEY differs, or it is another server",
    ),
    (r"expired|exp\b.*not satisfied", "the token has expired: check the clock and the token's ttl"),
    (r"not valid yet|nbf", "the token is not valid yet: the signer's clock is ahead"),
    (r"signature|crypto|hmac|verification", "the signature does not match: LIVEKIT_API_SECRET differs"),
    (r"permission|grant", "the token carries no grant to join the room (video.roomJoin and video.room)"),
    (r"invalid token", "the token is refused: LIVEKIT_API_SECRET differs, or it has expired"),
)


def cause(answer_text: str) -> str | None:
    """Why LiveKit refused, in words without the token; None when its text is not known."""
    for pattern, words in _CAUSES:
        if re.search(pattern, answer_text, re.IGNORECASE):
            return words
    return None


async def validate(url: str, *, timeout: float) -> HttpAnswer:
    """Ask the validation path beside the socket of `url` (which carries the token); joins no room."""
    parts = urlsplit(url)
    query = urlencode({name: value for name, value in parse_qsl(parts.query) if name == "access_token"})
    tls = parts.scheme == "wss"
    endpoint = Endpoint(address=parts.hostname or "", port=parts.port or (443 if tls else 80), tls=tls)
    return await get(endpoint, f"{parts.path.rstrip('/')}/validate?{query}", timeout=timeout, limit=4096)
