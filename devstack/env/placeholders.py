"""Texts that stand where a real value belongs: `change-me`, `your-api-key`, `<token>`, `xxxx`.

The whole text is judged: a random key that happens to hold `xxx` is real. The surest sign is outside this
module: a value that equals the tracked example's or the literal fallback in source.
"""

from __future__ import annotations

import re
from functools import lru_cache

from devstack.patterns import regex
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """Why a text is no real value.

    Attributes:
        reason: a phrase that completes "it is …".
        default_of: the program whose documented development default the text is (`livekit-server --dev`), or
            None. Right beside that program on this machine, wrong anywhere else.
    """

    reason: str
    default_of: str | None = None


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Documented development defaults: the text, words of variable names where it is one, the program.
_DEFAULTS: tuple[tuple[frozenset[str], tuple[str, ...], str], ...] = (
    (frozenset({"devkey", "secret"}), ("LIVEKIT",), "livekit-server --dev"),
    (
        frozenset({"postgres", "password", "postgrespassword"}),
        ("POSTGRES", "PG", "DB", "DATABASE"),
        "a local postgres container",
    ),
    (
        frozenset({"minio", "minioadmin", "minio123", "miniosecret", "miniopassword"}),
        ("MINIO", "S3", "AWS", "STORAGE"),
        "a local minio container",
    ),
    (frozenset({"guest"}), ("RABBITMQ", "AMQP"), "a local rabbitmq container"),
    (
        frozenset({"root", "mysql", "mariadb"}),
        ("MYSQL", "MARIADB", "DB", "DATABASE"),
        "a local mysql container",
    ),
    (frozenset({"redis", "redispassword"}), ("REDIS",), "a local redis container"),
    (frozenset({"localstack", "test"}), ("AWS", "S3"), "localstack"),
)
# Keys that emulators publish, by how they begin: Azurite, `supabase start` (a token issued by `supabase-demo`).
_PUBLISHED = (
    (regex("eby8vdm02xnocqflq"), "Azurite"),
    (regex(r"eyj\w+\.eyjpc3mioijzdxbhymfzzs1kzw1v|sb_secret_n7und0ug"), "`supabase start`"),
)
_ALL_DEFAULTS = frozenset().union(*(texts for texts, _, _ in _DEFAULTS))
_ONLY_DEFAULTS = _ALL_DEFAULTS - {"password", "secret", "test"}

# A text made of these words alone was typed in a hurry: `my-super-secret-jwt-key`, `dev-token-123`.
_WORDS = _vocabulary(
    "a access admin administrator anon another any api app application at auth authentication b bar "
    "base be better change characters char chars client code cookie credentials data database db "
    "default demo dev development dummy encryption example fake for foo foobar generated goes hash here "
    "hs id in insecure is it jwt key least letmein live local localhost long longer me min minimum mock "
    "must my nextauth none not of one only or pass passphrase passwd password placeholder please prod "
    "production pwd random real root salt sample secret secure server service session set short should "
    "signing some staging string strong super supersecret temp temporary test testing that the then "
    "this to todo token unsafe use user value very webhook with word you your"
)
_TELLING = _vocabulary(
    "admin change credentials default demo dummy example fake foo foobar insecure key letmein mock pass "
    "passphrase passwd password placeholder pwd root sample secret supersecret temp test testing todo "
    "token here"
)
_EXACT = _vocabulary(
    "changeme changethis changeit abc abc123 qwerty asdf asdfasdf redacted tbd fixme todo foo bar "
    "undefined null password1 password123 secret123 admin123 test123 devsecret devpassword testsecret "
    "mysecret mypassword"
)
_LEADS = (
    r"replace|insert|enter|paste|generate|generated?[-_ ]with|fill|provide|openssl[-_ ]rand|run[-_ ]openssl"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (regex(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (
            r"(?:https?|wss?)://(?:[\w-]+\.)*example(?:\.(?:com|org|net))?(?=[:/?#]|$)",
            "an example.com address",
        ),
        (r"(?:.*@)?(?:[\w-]+\.)*example\.(?:com|org|net)$", "an example.com address"),
        (r"(?:.*[^a-z0-9])?your?[-_ ][a-z<]", "a `your-…` text"),
        (
            r"(?:.*[^a-z0-9])?your(?:own|project|domain|key|secret|token|app|host|password|api|company|name|bucket)",
            "a `your…` text",
        ),
        (r"[^<>]*<[^<>]*[a-z][^<>]*>[^<>]*$", "a `<…>` text"),
        (r"(?:\{\{?|\[|%|__+)\s*[a-z][a-z0-9_ -]*(?:\}?\}|\]|%|__+)$", "a template's gap"),
        (r"(?:.*[^a-z])?change[-_ ]?(?:me|this|it|in|before|for|to|on|your)(?![a-z])", "a `change-me` text"),
        (rf"(?:please[-_ ])?(?:{_LEADS})(?:[-_ :]|$)", "an instruction"),
        (
            r"(?:put|add|set|use|get|your)[-_ ](?:a|an|the|your|this|me|it|in|here|with|from)(?![a-z])",
            "an instruction",
        ),
        (
            r"(?:.*[^a-z])?(?:do[-_ ]not[-_ ]use|not[-_ ](?:a[-_ ])?(?:real|secure|secret))(?![a-z])",
            "a text that warns of itself",
        ),
        (
            r"(?:.*[^a-z])?(?:dev(?:elopment)?|local|test(?:ing)?)[-_ ]only(?![a-z])",
            "a text that warns of itself",
        ),
        (r"(?:.*[^a-z])?(?:placeholder|dummy|fixme)(?![a-z])", "called a placeholder"),
        (r"(?:[a-z]{1,12}[-_])*(?:x{3,}|\*{3,}|\.{3,}|0{6,}|…|•{3,})[-_x*.0]*$", "filled with one character"),
        (r"[a-z0-9_-]{0,16}?(?:x{5,}|\*{3,}|\.{3}|…|•{3,})[x*.…]*$", "filled with one character"),
        (
            r"(?:sk|pk|rk|ghp|gho|xox[bp]|whsec|key)[-_](?:(?:proj|test|live|ant)[-_]?)?$",
            "only a key's prefix",
        ),
        (r"(?:0x)?(?:deadbeef|cafebabe|c0ffee)+$", "a magic number"),
        (r"[A-Z0-9/+]{8,}EXAMPLE(?:KEY)?$", "a key of a documentation"),
    )
)
_LONG = 24  # longer than every default that is a word
_LONGEST = 400  # a longer text is data, not a note to the reader
_SEQUENCES = (
    "0123456789abcdef",
    "1234567890abcdef",
    "1234567890",
    "abcdef0123456789",
    "abcdef1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
)


def is_placeholder(text: str, name: str = "") -> bool:
    """Whether the text stands for a value still to be given.

    With the variable's `name`, a documented development default (`LIVEKIT_API_SECRET=secret`) is none.
    """
    found = placeholder(text, name)
    return found is not None and found.default_of is None


@lru_cache(maxsize=4096)
def placeholder(text: str, name: str = "") -> Placeholder | None:
    """Why `text` is no real value, or None. Empty text is no placeholder."""
    plain = text.strip()
    if not plain or len(plain) > _LONGEST:
        return None
    lower = plain.lower()
    default = _default_of(lower, name.upper())
    if default:
        return Placeholder(reason=f"the development default of {default}", default_of=default)
    if lower in _EXACT or lower in _ONLY_DEFAULTS:
        return Placeholder(reason="a well-known default")
    if len(plain) >= 3 and len(set(lower)) == 1:
        return Placeholder(reason="one repeated character")
    if len(plain) >= 6 and any(
        (sequence * (len(plain) // len(sequence) + 1)).startswith(lower) for sequence in _SEQUENCES
    ):
        return Placeholder(reason="a counted sequence")
    for pattern, reason in _PATTERNS:
        if pattern.match(plain):
            return Placeholder(reason=reason)
    return _worded(lower)


def _default_of(lower: str, name: str) -> str | None:
    if len(lower) > _LONG:
        return next((program for begins, program in _PUBLISHED if begins.match(lower)), None)
    if lower not in _ALL_DEFAULTS:
        return None
    words = set(re.split(r"[^A-Z0-9]+", name))
    for texts, owners, program in _DEFAULTS:
        if lower in texts and words.intersection(owners):
            return program
    return None


def _worded(lower: str) -> Placeholder | None:
    if "://" in lower:
        return None
    words = [word for word in re.split(r"[^a-z0-9]+", lower) if word]
    stems = [word.rstrip("0123456789") for word in words]
    if not words or not any(stem in _TELLING for stem in stems):
        return None
    if (
        all(not stem or stem in _WORDS for stem in stems)
        and sum(len(w) - len(s) for w, s in zip(words, stems, strict=True)) <= 6
    ):
        return Placeholder(reason="made of words such as `secret` and `key`")
    return None
