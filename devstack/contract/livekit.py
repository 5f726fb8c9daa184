"""What LiveKit's `/rtc/validate` says: which of key, secret, expiry and grant is wrong.

The server's own text echoes the token, so only our words leave this module. Wording measured on livekit-server;
source: its auth middleware.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from devstack.contract.connection import Endpoint
from devstack.contract.plain_http import HttpAnswer, get

_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"invalid api key",
        "the server does not know this API key: LIVEKIT_API_KEY differs, or it is another server",
    ),
    (r"invalid authorization token", "LiveKit cannot read it as a token of its own"),
    (r"expired|exp\b.*not satisfied", "the token has expired: check the clock and the token's ttl"),
    (r"not valid yet|nbf", "the token is not valid yet: the signer's clock is ahead"),
    (r"signature|crypto|hmac|verification", "the signature does not match: LIVEKIT_API_SECRET differs"),
    (r"permission|grant", "the token carries no grant to join a room (video.roomJoin)"),
    (r"identity cannot be empty", "the token names nobody: its identity (sub) is empty"),
    (r"room does not exist", "the room does not exist, and the server creates none (room.auto_create)"),
    (r"invalid token", "the token is refused: LIVEKIT_API_SECRET differs, or it has expired"),
)
_TOKEN = re.compile(r"[\w-]{8,}\.[\w-]*\.[\w-]*")


def cause(answer_text: str, *, has_token: bool = True) -> str | None:
    """Why LiveKit refused, in words without the token; None when its text is not known.

    Without a token it says the same as for one without a grant.
    """
    if not has_token:
        return None
    said = _TOKEN.sub("", answer_text)  # its letters could spell a cause
    return next((words for pattern, words in _CAUSES if re.search(pattern, said, re.IGNORECASE)), None)


async def lacks_newer_path(url: str, *, timeout: float) -> bool:
    """Whether the server knows `/rtc` and not the path that newer clients ask first."""
    parts = urlsplit(url)
    if not parts.path.endswith("/rtc"):
        return False
    return (
        await validate(urlunsplit(parts._replace(path=f"{parts.path}/v1")), timeout=timeout)
    ).status == 404


async def validate(url: str, *, timeout: float) -> HttpAnswer:
    """Ask the validation path beside the socket of `url` (which carries the token); joins no room."""
    parts = urlsplit(url)
    query = urlencode({name: value for name, value in parse_qsl(parts.query) if name == "access_token"})
    tls = parts.scheme == "wss"
    endpoint = Endpoint(
        address=parts.hostname or "", port=parts.port or (443 if tls else 80), tls=tls, verify=True
    )
    return await get(endpoint, f"{parts.path.rstrip('/')}/validate?{query}", timeout=timeout, limit=4096)
