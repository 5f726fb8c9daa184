"""Why a token is accepted or refused: decoded, judged for each service that could verify it, causes named.

Nothing here returns a secret's text or the token's signature.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from unicodedata import normalize

from devstack import foreign
from devstack.contract.differences import describe
from devstack.records import dataclass, field

TEN_YEARS = 10 * 365 * 86_400
DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A token's readable parts; `problem` says why it is none, the other fields are then as far as known."""

    header: Mapping[str, object] = field(default_factory=dict)
    claims: Mapping[str, object] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Verifier:
    """A service that would verify a token.

    Attributes:
        label: how people know it: `server:JWT_SECRET`.
        leeway: seconds of clock difference it tolerates.
        audience, issuer: what it insists on; None = it does not look.
        joins_room: it is LiveKit, which wants a grant.
    """

    service: str
    label: str
    secret: str
    algorithm: str = "HS256"
    audience: str | None = None
    issuer: str | None = None
    joins_room: bool = False
    leeway: float = 0.0

    def __repr__(self) -> str:
        return f"Verifier({self.label})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one verifier would say; `reasons` is empty when it accepts."""

    service: str
    label: str
    accepted: bool
    reasons: tuple[str, ...] = ()
    signed_by: str | None = None


def decode(token: str) -> Decoded:
    """Header and claims without any verification."""
    text = token.strip()
    parts = text.split(".")
    if len(parts) == 5:
        header = _json_segment(parts[0])
        how = f" ({header.get('alg')}, {header.get('enc')})" if header else ""
        return Decoded(
            header=header or {},
            problem=f"it is encrypted (JWE, 5 parts{how}), as NextAuth makes its session cookies: a verifier "
            "of signed tokens can never read it; let a route handler mint a signed token for the socket",
        )
    if len(parts) != 3:
        return Decoded(problem=f"a JWT has 3 parts separated by dots, this has {len(parts)}")
    header, claims = _json_segment(parts[0]), _json_segment(parts[1])
    if header is None or claims is None:
        which = "header" if header is None else "claims"
        return Decoded(header=header or {}, problem=f"the {which} are not base64url of JSON")
    return Decoded(header=header, claims=claims)


def check(token: str, verifiers: Sequence[Verifier], *, now: float) -> tuple[Verdict, ...]:
    """What each verifier would say of `token` at `now` (seconds since the epoch)."""
    decoded = decode(token)
    return tuple(
        _judge(token.strip(), decoded, verifier, others=verifiers, now=now) for verifier in verifiers
    )


def _judge(
    token: str, decoded: Decoded, verifier: Verifier, *, others: Sequence[Verifier], now: float
) -> Verdict:
    if decoded.problem:
        return Verdict(
            service=verifier.service, label=verifier.label, accepted=False, reasons=(decoded.problem,)
        )
    reasons = list(_algorithm_reasons(decoded, verifier))
    signed_by: str | None = None
    if not reasons and not _verifies(token, verifier.secret.encode(), verifier.algorithm):
        signed_by = _signer(token, verifier, others)
        reasons.append(_signature_reason(token, verifier, signed_by, others))
    reasons += _claim_reasons(decoded.claims, verifier, now)
    return Verdict(
        service=verifier.service,
        label=verifier.label,
        accepted=not reasons,
        reasons=tuple(reasons),
        signed_by=signed_by,
    )


def _algorithm_reasons(decoded: Decoded, verifier: Verifier) -> Iterable[str]:
    algorithm = decoded.header.get("alg")
    if algorithm == verifier.algorithm:
        return
    if str(algorithm).lower() == "none":
        yield "it is not signed (alg none)"
    else:
        yield f"algorithm {algorithm}, the verifier expects {verifier.algorithm}"


def _signer(token: str, verifier: Verifier, others: Sequence[Verifier]) -> str | None:
    for other in others:
        if other is not verifier and _verifies(token, other.secret.encode(), verifier.algorithm):
            return other.label
    return None


def _signature_reason(
    token: str, verifier: Verifier, signed_by: str | None, others: Sequence[Verifier]
) -> str:
    for name, change in TRANSFORMS:
        key = change(verifier.secret)
        if key is not None and _verifies(token, key, verifier.algorithm):
            return f"signature mismatch: the signer's secret differs from {verifier.label} only by {name}"
    if signed_by is None:
        return f"signature mismatch: signed with none of the stack's secrets, {verifier.label} is another one"
    signer = next(other for other in others if other.label == signed_by)
    how = describe(signer.secret, verifier.secret)
    return f"signature mismatch: signed with {signed_by}, verified with {verifier.label}; they differ {how}"


def _claim_reasons(claims: Mapping[str, object], verifier: Verifier, now: float) -> list[str]:
    return [
        *_time_reasons(claims, verifier.leeway, now),
        *_audience_reasons(claims.get("aud"), verifier.audience),
        *_issuer_reasons(claims.get("iss"), verifier.issuer),
        *(_grant_reasons(claims.get("video")) if verifier.joins_room else ()),
    ]


def _time_reasons(claims: Mapping[str, object], leeway: float, now: float) -> Iterable[str]:
    expires, starts, issued = (_number(claims.get(key)) for key in ("exp", "nbf", "iat"))
    if expires is not None and expires <= now - leeway:
        yield f"expired {_span(now - expires)} ago (exp)"
    if starts is not None and starts > now + leeway:
        yield f"not valid for another {_span(starts - now)} (nbf)"
    if issued is not None and issued > now + leeway and not (starts is not None and starts > now + leeway):
        yield f"issued {_span(issued - now)} in the future (iat): the signer's clock is ahead"


def _audience_reasons(audience: object, expected: str | None) -> Iterable[str]:
    present = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if expected is not None and expected not in present:
        yield "the audience (aud) is not the one that the verifier expects"


def _issuer_reasons(issuer: object, expected: str | None) -> Iterable[str]:
    if expected is not None and issuer != expected:
        yield "the issuer (iss) is not the one that the verifier expects"


def _grant_reasons(grant: object) -> Iterable[str]:
    if not isinstance(grant, dict) or grant.get("roomJoin") is not True:
        yield "it carries no grant to join a room (video.roomJoin)"


def remarks(decoded: Decoded, *, now: float) -> tuple[str, ...]:
    """What is odd about a token although a verifier may take it."""
    notes = []
    expires = _number(decoded.claims.get("exp"))
    if not decoded.problem and expires is None:
        notes.append("it has no exp and never expires")
    elif expires is not None and expires > now + TEN_YEARS:
        notes.append("exp lies more than ten years ahead: is it in milliseconds?")
    if "aud" in decoded.claims:
        notes.append("it carries aud: PyJWT refuses it unless decode() is given audience=")
    if isinstance(decoded.claims.get("sub"), int):
        notes.append("sub is a number: PyJWT 2.10 and later refuse it, JavaScript libraries do not")
    return tuple(notes)


def _verifies(token: str, key: bytes, algorithm: str) -> bool:
    digest = DIGESTS.get(algorithm)
    if digest is None or not key:
        return False
    signed, _, signature = token.rpartition(".")
    wanted = hmac.new(key, signed.encode(), digest).digest()
    return hmac.compare_digest(wanted, _decode_base64(signature) or b"")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _json_segment(text: str) -> dict[str, object] | None:
    raw = _decode_base64(text)
    if raw is None:
        return None
    value = foreign.from_json(raw)
    return value if isinstance(value, dict) else None


def _decode_base64(text: str) -> bytes | None:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None


def _text(change: Callable[[str], str]) -> Callable[[str], bytes | None]:
    """`change` as a transform that answers only when it does change something."""

    def apply(value: str) -> bytes | None:
        changed = change(value)
        return changed.encode() if changed and changed != value else None

    return apply


def _from_base64(value: str) -> bytes | None:
    padded = value + "=" * (-len(value) % 4)
    try:
        return b64decode(padded, altchars=b"-_" if set("-_") & set(value) else None, validate=True)
    except (binascii.Error, ValueError):
        return None


def _from_hex(value: str) -> bytes | None:
    try:
        return bytes.fromhex(value) or None
    except ValueError:
        return None


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`" else value


# How one written secret becomes two keys, in the order of how often it happens.
TRANSFORMS: tuple[tuple[str, Callable[[str], bytes | None]], ...] = (
    ("whitespace or a line end around it", _text(str.strip)),
    ("a line end after it", _text(lambda value: value + "\n")),
    ("a carriage return after it", _text(lambda value: value + "\r")),
    ("quotes around it", _text(_unquoted)),
    ("quotes around it", _text(lambda value: f'"{value}"')),
    ("quotes around it", _text(lambda value: f"'{value}'")),
    ("text cut off at #", _text(lambda value: value.split("#", 1)[0].rstrip())),
    ("text cut off at $", _text(lambda value: value.split("$", 1)[0])),
    ("escaped line ends (\\n)", _text(lambda value: value.replace("\\n", "\n"))),
    ("a backslash before $", _text(lambda value: value.replace("\\$", "$"))),
    ("base64: one side decodes it, the other takes it as text", _from_base64),
    ("hexadecimal: one side decodes it, the other takes it as text", _from_hex),
    ("upper and lower case", _text(str.lower)),
    ("upper and lower case", _text(str.upper)),
    ("Unicode normalisation", _text(lambda value: normalize("NFC", value))),
)
