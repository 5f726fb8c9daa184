"""Why an upgrade was answered with something else than 101."""

from __future__ import annotations

import re
from collections.abc import Callable

from devstack.contract import intermediaries
from devstack.contract.attempt import Outcome
from devstack.contract.evidence import Code, Evidence, Found, matches_route
from devstack.contract.identity import Program
from devstack.contract.tokens import TokenKind

AUTH_WORDS = re.compile(
    r"token|auth|jwt|unauthori[sz]ed|forbidden|expired|signature|credential|denied", re.IGNORECASE
)
SUBPROTOCOL_WORDS = re.compile(r"sub-?protocol", re.IGNORECASE)
ORIGIN_WORDS = re.compile(r"origin|cors|host not allowed", re.IGNORECASE)


def refused(evidence: Evidence) -> Found:
    """The cause when the peer answered otherwise or not at all; None when it shook hands."""
    main = evidence.main
    if main.outcome in (Outcome.NO_ANSWER, Outcome.DROPPED) and _is_socket_io(evidence):
        return _socket_io(evidence)
    if main.outcome is Outcome.NO_ANSWER:
        return (
            Code.NO_ANSWER,
            f"{evidence.where} accepts the connection but never answers the upgrade",
            "a server stuck before accept(), a frontend's port, or a proxy without WebSocket support",
        )
    if main.outcome is Outcome.DROPPED:
        return (
            Code.NO_ANSWER,
            f"{evidence.where} ended the connection without an answer ({main.detail})",
            "a proxy whose backend is down does this; look at the log of the process on that port",
        )
    if main.outcome is not Outcome.STATUS or main.status is None:
        return None
    if evidence.refused_because:
        return _token_at_upgrade(evidence)
    for statuses, judge in _JUDGES:
        if main.status in statuses and (found := judge(evidence)) is not None:
            return found
    for statuses, code, message, hint in _SAYINGS:
        if main.status in statuses:
            return code, message.format(status=main.status, where=evidence.where), hint
    return Code.HANDSHAKE_INVALID, f"the upgrade was answered with HTTP {main.status}", ""


def _redirect(evidence: Evidence) -> Found:
    target = evidence.main.headers.get("location", "")
    secure = target.startswith(("https://", "wss://"))
    why = "to TLS: use wss://" if secure else "to another address; a browser's WebSocket follows no redirect"
    return (
        Code.REDIRECT,
        f"HTTP {evidence.main.status}: redirected {why}",
        "use the final URL, mind the slash",
    )


def _unwilling(evidence: Evidence) -> Found:
    """400, 401, 403: origin, path or token, told apart by the further attempts."""
    return by_origin(evidence) or _by_subprotocol(evidence) or _path(evidence) or _token_at_upgrade(evidence)


def _by_subprotocol(evidence: Evidence) -> Found:
    """The cause when only the offered subprotocol is in the way."""
    bare = evidence.without_subprotocol
    is_named = SUBPROTOCOL_WORDS.search(evidence.main.body.decode("latin-1")) is not None
    if bare is None or not (is_named or bare.stays_open):
        return None
    return (
        Code.SUBPROTOCOL_REJECTED,
        f"refused with HTTP {evidence.main.status} because of the subprotocol that the page offers",
        "offer one that the server knows, or declare it there",
    )


def by_origin(evidence: Evidence) -> Found:
    """The cause when only the page's origin is in the way."""
    body = evidence.main.body.decode("latin-1") + evidence.main.close_reason
    bare = evidence.without_origin
    opens_without = bare is not None and bare.stays_open
    if evidence.origin and (opens_without or (ORIGIN_WORDS.search(body) and not AUTH_WORDS.search(body))):
        return (
            Code.ORIGIN_REJECTED,
            f"refused because of the page's origin {evidence.origin}",
            "add this origin, in exactly this spelling, to the server's allowed origins",
        )
    return None


def _path(evidence: Evidence) -> Found:
    """A wrong path, as far as other answers or the source prove it."""
    main, right = evidence.main, evidence.at_declared_path
    if right is not None and (right.outcome, right.status) != (main.outcome, main.status):
        return _wrong_path(evidence, f"; the service's socket is at {evidence.declared_path}")
    if evidence.routes and not any(matches_route(evidence.path, route) for route in evidence.routes):
        return _wrong_path(evidence, f"; its source has {', '.join(evidence.routes[:3])}")
    same = evidence.control is not None and evidence.control.status == main.status
    if main.status == 401 or not same or _is_about_token(evidence):
        return None
    is_declared = evidence.declared_path == evidence.path and evidence.needs_token
    if main.status == 403 and (evidence.routes or is_declared):
        # Every path gets 403, as Starlette does for unknown ones; this one is known, so the token is in the way.
        return None
    return _wrong_path(evidence, "; any other path gets the same answer")


def _is_about_token(evidence: Evidence) -> bool:
    return AUTH_WORDS.search(evidence.main.body.decode("latin-1")) is not None


def _wrong_path(evidence: Evidence, tail: str) -> tuple[Code, str, str]:
    return (
        Code.WRONG_PATH,
        f"no WebSocket at {evidence.path or '/'}: HTTP {evidence.main.status}{tail}",
        "mend the path of the URL; FastAPI and Starlette answer an unknown path with 403, others with 404",
    )


def _token_at_upgrade(evidence: Evidence) -> Found:
    sent = "the token was refused" if evidence.has_token else "no token was sent"
    reason = evidence.refused_because or evidence.token_reason
    why = f": {reason}" if reason else ""
    return (
        Code.UNAUTHORIZED,
        f"refused at the upgrade with HTTP {evidence.main.status}, {sent}{why}",
        "the server refuses before accept, so a browser shows only 1006; accept first, then"
        " close(4401, reason) if the page must see it",
    )


def _bad_request(evidence: Evidence) -> Found:
    if _is_socket_io(evidence):
        return _socket_io(evidence)
    found = by_origin(evidence) or _by_subprotocol(evidence) or _path(evidence)
    if found is None and (evidence.has_token or _is_about_token(evidence)):
        bare = evidence.tokens.get(TokenKind.NONE)
        return _token_at_upgrade(evidence) if _is_about_token(evidence) or bare else None
    return found


def _missing(evidence: Evidence) -> Found:
    if _is_socket_io(evidence):
        return _socket_io(evidence)
    proxy = intermediaries.named(evidence.main.headers)
    if proxy is None:
        return _wrong_path(evidence, "")
    code, message, hint = _wrong_path(evidence, f", by way of {proxy.name}")
    return code, message, f"{hint}; a proxy that does not pass the Upgrade header gets the same answer"


def _is_socket_io(evidence: Evidence) -> bool:
    return evidence.identity is not None and evidence.identity.program is Program.SOCKET_IO


def _socket_io(evidence: Evidence) -> Found:
    return (
        Code.NOT_WEBSOCKET,
        f"{evidence.where} speaks socket.io: a plain WebSocket cannot talk to it",
        'connect with socket.io-client over http(s), and declare websocket.protocol = "socket.io"',
    )


def _plain_answer(evidence: Evidence) -> Found:
    if _is_socket_io(evidence):
        return _socket_io(evidence)
    kind = evidence.main.headers.get("content-type", "a page").split(";")[0]
    return (
        Code.NOT_WEBSOCKET,
        f"HTTP {evidence.main.status} with {kind} instead of an upgrade",
        "a page or proxy answers and ignores the upgrade: wrong port, wrong path, or no WebSocket support",
    )


_JUDGES: tuple[tuple[range, Callable[[Evidence], Found]], ...] = (
    (range(200, 300), _plain_answer),
    (range(300, 400), _redirect),
    (range(400, 401), _bad_request),
    (range(401, 402), _unwilling),
    (range(403, 404), _unwilling),
    (range(404, 406), _missing),
)
_LOST = "HTTP {status}: the Upgrade header did not arrive"
_PROXY = "a proxy without WebSocket support in between (nginx: proxy_http_version 1.1, Upgrade, Connection)"
_LONG = "HTTP {status}: the request is too long for the server"
_SHORTER = "a long token in the URL or large cookies; send the token in the first message instead"
# What a status says by itself: the first range that holds it.
_SAYINGS: tuple[tuple[range, Code, str, str], ...] = (
    (range(414, 415), Code.HANDSHAKE_INVALID, _LONG, _SHORTER),
    (range(426, 427), Code.NOT_WEBSOCKET, _LOST, _PROXY),
    (range(431, 432), Code.HANDSHAKE_INVALID, _LONG, _SHORTER),
    (
        range(502, 505),
        Code.NOT_LISTENING,
        "HTTP {status}: the proxy on {where} cannot reach the server behind it",
        "start the backend, or mend the proxy's target",
    ),
    (
        range(505, 506),
        Code.NOT_WEBSOCKET,
        _LOST,
        _PROXY,
    ),  # asked in HTTP/1.0, as nginx does unless told otherwise
    (
        range(500, 600),
        Code.CRASHED,
        "the server failed before accepting (HTTP {status})",
        "an exception in its handler: look at the service's log (devstack logs)",
    ),
)
