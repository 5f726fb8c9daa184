"""Codes of a WebSocket diagnosis. By themselves, because rules name them without making connections."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Codes of `devstack ws --json`; stable."""

    OK = "ok"
    UNREACHABLE_HOST = "unreachable-host"
    NOT_LISTENING = "not-listening"
    WRONG_PROCESS = "wrong-process"
    DEV_SERVER = "dev-server"
    HMR_SOCKET = "hmr-socket"
    NO_ANSWER = "no-answer"
    NOT_WEBSOCKET = "not-websocket"
    WRONG_PATH = "wrong-path"
    REDIRECT = "redirect"
    TLS_MISMATCH = "tls-mismatch"
    UNAUTHORIZED = "unauthorized"
    TOKEN_REJECTED = "token-rejected"
    BAD_TOKEN_ACCEPTED = "bad-token-accepted"
    ORIGIN_REJECTED = "origin-rejected"
    SUBPROTOCOL_REJECTED = "subprotocol-rejected"
    CRASHED = "crashed"
    CLOSED = "closed"
    HANDSHAKE_INVALID = "handshake-invalid"
    LIMITED = "limited"
