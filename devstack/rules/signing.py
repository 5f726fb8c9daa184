"""Secrets that sign: how long they must be, and texts that somebody chose instead of drawing them. Shared by rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devstack.contract.members import is_issued
from devstack.env.secrets import placeholder
from devstack.patterns import regex

if TYPE_CHECKING:
    from devstack.stack.model import Shared

MIN_BYTES = 32
_SHORT_PHRASE = 16
_SIGNING = regex(
    r"(?:^|_)(?:JWT|SIGNING|SIGNATURE|HMAC|SESSION|COOKIE|NEXTAUTH|AUTH|SECRET_KEY(?:_BASE)?)(?:_|$)"
)
_CHOSEN = regex(r"^(?:secret|password|admin|test|dev(?:secret|password)|testsecret|mysecret|mypassword)\d*$")
_PRIVATE = regex(r"(?:SECRET|KEY|SALT|BASE)\d*$")


def wanted_bytes(shared: Shared, name: str) -> int | None:
    """How many bytes a member must have; None where the group is no signing secret."""
    if shared.min_bytes is not None:
        return shared.min_bytes
    upper = name.upper()
    if not shared.secret or not _PRIVATE.search(upper):
        return None
    return MIN_BYTES if _SIGNING.search(upper) or upper == "LIVEKIT_API_SECRET" else None


def may_rotate(shared: Shared) -> bool:
    """Whether `devstack env rotate` takes the group: what is declared secret and no provider issues."""
    return shared.secret and not is_issued(shared)


def how_to_renew(shared: Shared) -> str:
    """What gives all readers of a group one other value."""
    if may_rotate(shared):
        return f"`devstack env rotate {shared.name}` writes one strong value to all its readers"
    return f"`devstack env set {shared.name}` gives all its readers one value"


def is_chosen(text: str, name: str) -> bool:
    """Whether the text is somebody's idea of a secret (`secret1`): weak, but no gap that was left to fill."""
    judged = placeholder(text, name)
    if judged is None or judged.default_of is not None:
        return False
    is_phrase = "word" in judged.reason and len(text) < _SHORT_PHRASE
    return is_phrase or _CHOSEN.search(text.lower()) is not None
