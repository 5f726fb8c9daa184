"""Tokens for probes: minted from the stack's own shared secret, short-lived, never shown unless asked for.

PyJWT is imported on first use (about 70 ms). Rules from RFC 7519, RFC 8725, LiveKit's access tokens.
"""

from __future__ import annotations

import secrets
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from enum import StrEnum
from json import dumps

from devstack.records import dataclass
from devstack.stack.model import TokenSpec

PROBE_SUBJECT = "devstack-probe"
PROBE_ROOM = "devstack-probe"
ISSUED_BEFORE = 5  # seconds: a verifier whose clock is a little behind must not call the token premature
EXPIRED_SINCE = 3600
PREMATURE_BY = 3600
HMAC_ALGORITHMS = frozenset({"HS256", "HS384", "HS512"})


class TokenKind(StrEnum):
    """The tokens of the matrix; every kind but `good` must be refused."""

    GOOD = "good"
    NONE = "none"
    WRONG_SECRET = "wrong-secret"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_AUDIENCE = "wrong-audience"
    WRONG_ISSUER = "wrong-issuer"
    ALG_NONE = "alg-none"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Minter:
    """What is needed to make tokens for one service.

    Attributes:
        secret: the effective value of the verifier's secret.
        api_key: LiveKit's key; makes the claims LiveKit's.
    """

    spec: TokenSpec
    secret: str
    api_key: str | None = None

    def __repr__(self) -> str:
        return f"Minter({self.spec.algorithm}, in {self.spec.place})"


class CannotMintError(ValueError):
    """No token can be made; the text says why and never holds the secret."""


def mint(minter: Minter, *, now: float, claims: Mapping[str, object] | None = None) -> str:
    """A token that the service should accept for `spec.ttl` seconds from `now` (seconds since the epoch)."""
    return _sign(_claims(minter, now, claims), minter.secret, minter.spec.algorithm)


def matrix(minter: Minter, *, now: float) -> dict[TokenKind, str | None]:
    """One token per kind (None = send none); kinds that the declared claims rule out are missing."""
    good = _claims(minter, now, None)
    algorithm = minter.spec.algorithm
    variants: dict[TokenKind, str | None] = {
        TokenKind.GOOD: _sign(good, minter.secret, algorithm),
        TokenKind.NONE: None,
        TokenKind.WRONG_SECRET: _sign(good, secrets.token_urlsafe(48), algorithm),
        TokenKind.EXPIRED: _sign(_expired(good, now, minter.spec.ttl), minter.secret, algorithm),
        TokenKind.NOT_YET_VALID: _sign(_premature(good, now), minter.secret, algorithm),
        TokenKind.ALG_NONE: _unsigned(good),
    }
    if "aud" in good:
        variants[TokenKind.WRONG_AUDIENCE] = _sign({**good, "aud": "somebody-else"}, minter.secret, algorithm)
    if "iss" in good:
        variants[TokenKind.WRONG_ISSUER] = _sign({**good, "iss": "somebody-else"}, minter.secret, algorithm)
    return variants


def _claims(minter: Minter, now: float, extra: Mapping[str, object] | None) -> dict[str, object]:
    moment = int(now)
    claims: dict[str, object] = {
        "sub": PROBE_SUBJECT,
        "iat": moment - ISSUED_BEFORE,
        "exp": moment + max(1, int(minter.spec.ttl)),
        "jti": secrets.token_hex(8),
    }
    if minter.api_key is not None:
        claims |= {"iss": minter.api_key, "nbf": moment - ISSUED_BEFORE, "video": _probe_grant()}
    return {**claims, **minter.spec.claims, **(extra or {})}


def _probe_grant() -> dict[str, object]:
    return {"roomJoin": True, "room": PROBE_ROOM, "canPublish": False, "canSubscribe": False, "hidden": True}


def _expired(claims: Mapping[str, object], now: float, ttl: float) -> dict[str, object]:
    """The same claims as if their life of `ttl` seconds were over, whatever `exp` stack.toml declares."""
    end = int(now) - EXPIRED_SINCE
    begins = {key: end - int(ttl) for key in ("iat", "nbf") if key in claims}
    return {**claims, **begins, "exp": end}


def _premature(claims: Mapping[str, object], now: float) -> dict[str, object]:
    start = int(now) + PREMATURE_BY
    return {**claims, "nbf": start, "exp": start + PREMATURE_BY}


def _sign(claims: Mapping[str, object], secret: str, algorithm: str) -> str:
    import jwt

    if algorithm not in HMAC_ALGORITHMS:
        raise CannotMintError(f"{algorithm} needs a private key that no [shared] group holds")
    if not secret:
        raise CannotMintError("the secret is empty")
    with warnings.catch_warnings():
        # A short key is a finding of `weak-secret`, not a line on standard error.
        warnings.simplefilter("ignore")
        try:
            return jwt.encode(dict(claims), secret, algorithm=algorithm)
        except jwt.PyJWTError as problem:
            raise CannotMintError(f"{type(problem).__name__}: the secret cannot sign {algorithm}") from None
        except TypeError:  # TOML has dates, JSON has not
            raise CannotMintError("the declared claims hold something that JSON has no form for") from None


def _unsigned(claims: Mapping[str, object]) -> str:
    header = _segment({"alg": "none", "typ": "JWT"})
    return f"{header}.{_segment(claims)}."


def _segment(content: Mapping[str, object]) -> str:
    text = dumps(content, separators=(",", ":")).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()
