"""How clients of each WebSocket protocol connect and carry their token, and how each says no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from devstack import foreign
from devstack.contract import hocuspocus
from devstack.contract.attempt import Answer, Request
from devstack.contract.urls import bracketed
from devstack.records import dataclass, replace
from devstack.stack.model import TokenSpec, WebSocketSpec

GRAPHQL_SUBPROTOCOL = "graphql-transport-ws"
LIVEKIT_PARAMETERS = {"auto_subscribe": "0", "sdk": "js", "protocol": "15"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to talk to one endpoint: the declared protocol, token transport and subprotocols."""

    protocol: str = "ws"
    token: TokenSpec | None = None
    subprotocols: tuple[str, ...] = ()

    @staticmethod
    def of(spec: WebSocketSpec | None) -> Manner:
        """The manner that stack.toml declares; a bare socket where it declares none."""
        if spec is None:
            return Manner()
        return Manner(protocol=spec.protocol, token=spec.token, subprotocols=spec.subprotocols)


def request(manner: Manner, url: str, token: str | None, *, origin: str | None = None) -> Request:
    """What a client of this protocol sends, with `token` where its kind of client puts it."""
    asked = _by_protocol(manner, Request(url=url, origin=origin, subprotocols=manner.subprotocols))
    if token is None:
        return asked
    if manner.protocol == "hocuspocus" and (manner.token is None or manner.token.place == "message"):
        return replace(asked, first_message=hocuspocus.authentication(token))
    if manner.protocol == "livekit":
        return replace(asked, url=_with_query(asked.url, {"access_token": token}))
    if manner.protocol == "graphql-ws" and (manner.token is None or manner.token.place == "message"):
        name = manner.token.name if manner.token else "token"
        return replace(asked, first_message=_graphql_init({name: token}))
    if manner.protocol == "socket.io" and (manner.token is None or manner.token.place == "message"):
        name = manner.token.name if manner.token else "token"
        return replace(asked, first_message="40" + json.dumps({name: token}))
    return _carry(asked, manner.token or TokenSpec(), token)


def _by_protocol(manner: Manner, asked: Request) -> Request:
    if manner.protocol == "socket.io":
        path = urlsplit(asked.url).path
        full = asked.url if path.endswith("/") and path != "/" else _with_path(asked.url, "/socket.io/")
        full = _with_query(full, {"EIO": "4", "transport": "websocket"})
        return replace(asked, url=full, first_message="40")
    if manner.protocol == "graphql-ws":
        offered = asked.subprotocols or (GRAPHQL_SUBPROTOCOL,)
        return replace(asked, subprotocols=offered, first_message=_graphql_init({}))
    if manner.protocol == "hocuspocus":
        return replace(asked, first_message=hocuspocus.authentication(""))
    if manner.protocol == "livekit":
        path = urlsplit(asked.url).path
        full = asked.url if path not in ("", "/") else _with_path(asked.url, "/rtc")
        return replace(asked, url=_with_query(full, LIVEKIT_PARAMETERS))
    return asked


def _carry(asked: Request, spec: TokenSpec, token: str) -> Request:
    if spec.place == "query":
        return replace(asked, url=_with_query(asked.url, {spec.name: token}))
    if spec.place == "header":
        bearer = spec.name.lower() in ("authorization", "token")
        name = "Authorization" if bearer else spec.name
        return replace(asked, headers={**asked.headers, name: f"Bearer {token}" if bearer else token})
    if spec.place == "subprotocol":
        return replace(asked, subprotocols=(*asked.subprotocols, spec.name, token))
    if spec.place == "cookie":
        return replace(asked, headers={**asked.headers, "Cookie": f"{spec.name}={token}"})
    return replace(asked, first_message=json.dumps({"type": "auth", spec.name: token}))


def refusal(manner: Manner, answer: Answer) -> str | None:
    """The refusal that a protocol sends as a message while the socket stays open, or None."""
    if manner.protocol == "hocuspocus" and False in map(hocuspocus.is_let_in, answer.data):
        return "hocuspocus denied the permission"
    for frame in answer.frames:
        if manner.protocol == "socket.io" and frame.startswith("44"):
            return "socket.io connect_error"
        if manner.protocol == "graphql-ws" and _type_of(frame) in ("connection_error", "error"):
            return "graphql-ws connection_error"
        if _type_of(frame) in ("auth_error", "unauthorized", "authentication_failed"):
            return "a message that refuses the token"
    return None


def is_greeted(manner: Manner, answer: Answer) -> bool:
    """Whether the protocol's own acceptance came; plain sockets have none, so opening is enough."""
    if manner.protocol == "socket.io":
        return any(frame.startswith("40") for frame in answer.frames)
    if manner.protocol == "graphql-ws":
        return any(_type_of(frame) == "connection_ack" for frame in answer.frames)
    if manner.protocol == "hocuspocus":
        return True in map(hocuspocus.is_let_in, answer.data)
    return answer.opened


def _type_of(frame: str) -> str | None:
    message = foreign.from_json(frame)
    kind = message.get("type") if isinstance(message, dict) else None
    return kind.lower() if isinstance(kind, str) else None


def _graphql_init(payload: Mapping[str, str]) -> str:
    return json.dumps({"type": "connection_init", "payload": dict(payload)})


def _with_query(url: str, extra: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    pairs = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **extra}
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=path))


def without_secrets(url: str) -> str:
    """The URL as it may be shown: no user information, no query values."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    netloc = bracketed(host)
    try:
        netloc += f":{parts.port}" if parts.port else ""
    except ValueError:
        netloc = parts.netloc.rpartition("@")[2]
    query = "&".join(f"{name}=…" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))
