"""Which names and texts are secret, which only look so, and how to show a secret without showing it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from urllib.parse import parse_qsl, unquote

from devstack.env.placeholders import Placeholder, is_placeholder, placeholder
from devstack.patterns import regex

__all__ = [
    "MASK",
    "SECRET_WORDS",
    "Fingerprinter",
    "Placeholder",
    "is_masked",
    "is_placeholder",
    "is_plain_name",
    "is_publishable",
    "is_secret_name",
    "is_secret_reference",
    "is_secret_text",
    "mask_url",
    "may_hold_secret",
    "placeholder",
    "secret_texts",
]

# Bundlers put names with these prefixes into what the browser gets; the prefix says nothing about the rest.
_PUBLIC_PREFIXES = ("NEXT_PUBLIC_", "NUXT_PUBLIC_", "EXPO_PUBLIC_", "REACT_APP_", "VITE_", "GATSBY_")

_ALWAYS = {"SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE", "PWD", "PASS"}
_USUALLY = {"KEY", "KEYS", "TOKEN", "TOKENS", "CREDENTIAL", "CREDENTIALS", "SALT", "PEPPER", "PAT"}
_GLUED = (
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "TOKEN",
    "APIKEY",
    "ACCESSKEY",
    "SECRETKEY",
    "PRIVATEKEY",
    "AUTHKEY",
)
_DECIDING = sorted(_ALWAYS | _USUALLY | set(_GLUED))
# The name of a secret holds one of these, whatever else it holds.
SECRET_WORDS = tuple(word for word in _DECIDING if not any(one in word for one in _DECIDING if one != word))
_SECRET_WORD = regex("|".join(SECRET_WORDS))
# Words behind the one that decides: `API_KEY_DEV`, `JWT_SECRET_OLD`, `SECRET_KEY_BASE`, `PRIVATE_KEY_BASE64`.
_TRAILERS = {
    *(
        "DEV",
        "DEVELOPMENT",
        "PROD",
        "PRODUCTION",
        "STAGING",
        "TEST",
        "LOCAL",
        "OLD",
        "NEW",
        "PREVIOUS",
        "NEXT",
    ),
    *("CURRENT", "PRIMARY", "SECONDARY", "BASE", "VALUE", "B64", "BASE64", "HEX", "PEM", "JSON", "FALLBACK"),
}
_PUBLISHABLE_WORDS = {"PUBLIC", "PUBLISHABLE", "SITE", "ANON"}
# `MAX_TOKENS`, `CACHE_KEY`, `ENABLE_TOKEN` count, name or switch something.
_COUNTS = {"MAX", "MIN", "NUM", "TOTAL", "COUNT", "AVG"}
_SWITCHES = {"ENABLE", "DISABLE", "USE", "HAS", "IS", "REQUIRE", "SKIP", "ALLOW", "VALIDATE", "CHECK", "WITH"}
_NAMING = {"CACHE", "STORAGE", "SORT", "PARTITION", "FOREIGN", "QUERY", "OBJECT", "ROUTING", "IDEMPOTENCY"}
_NOT_SECRET = {"PWD", "OLDPWD", "GOOGLE_APPLICATION_CREDENTIALS", "DOTENV_PUBLIC_KEY"}

_PUBLISHABLE_TEXT = regex(r"pk_(?:test|live)_|pk\.eyJ|sb_publishable_|phc_|6L[0-9A-Za-z_-]{38}$|[0-9]x0{4}")
_SECRET_TEXT = regex(
    r"""sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{16,} | sk_(?:live|test)_[A-Za-z0-9]{10,} | rk_(?:live|test)_
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_ | glpat-[A-Za-z0-9_-]{16,} | xox[abeprs]-[A-Za-z0-9-]{10,}
    | sb_secret_ | whsec_[A-Za-z0-9]{16,} | SG\.[A-Za-z0-9_-]{16,} | hf_[A-Za-z0-9]{20,}
    | npm_[A-Za-z0-9]{30,} | gsk_[A-Za-z0-9]{20,}
    | pypi-[A-Za-z0-9_-]{30,} | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | (?:[A-Za-z\ ]+=[^;=]*;\s*)+(?i:AccountKey|SharedAccessKey|Password|Pwd)=[^;\s]""",
    re.VERBOSE,
)
_KEYED = regex(r"(?i)(?<=;)\s*(?:AccountKey|SharedAccessKey|Password|Pwd)=([^;\s]+)")
# What these and tokens begin with, in a line of an env file; AWS's keys are known to the rules.
_OPENING = regex(
    r"""[=:]\s*+["']?+\s*+(?:[srg]?[sr]k[-_]|gh[pousr]_|github_pat_|glpat-|xox|sb_secret_|whsec_|SG\.|hf_|npm_|pypi-"""
    r"""|-----BEGIN|eyJ|AKIA)"""
)
_JWT = regex(r"eyJ[A-Za-z0-9_-]{8,}\.([A-Za-z0-9_-]{4,})\.[A-Za-z0-9_-]*$")
_REFERENCE = regex(
    r"""(?:op|aws-sm|aws-secretsmanager|aws-ssm|gcp-sm|gcp-secretmanager|sm|awssm|vault|doppler|infisical|bws
        |keyvault|azurekv|secret|secrets|keyring|keychain|berglas|sops|akeyless|conjur|ssm)://
    | vault:[\w/] | aws-sm\b | arn:aws[\w-]*:(?:secretsmanager|ssm): | projects/[^/]+/secrets/
    | encrypted: | ENC\[ | ref\+\w+: | @Microsoft\.KeyVault\( | \$\{\{\s*secrets\. | \{\{\s*(?:op|resolve):
    | !(?:vault|secret)\b""",
    re.VERBOSE | re.IGNORECASE,
)


_NAME = regex(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LONG_FOR_A_WORD = 16


@lru_cache(maxsize=131072)
def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret: the last word decides."""
    upper = name.upper()
    if upper in _NOT_SECRET or not any(word in upper for word in SECRET_WORDS):
        return False
    words = _words(_without_public_prefix(name))
    while len(words) > 1 and (words[-1] in _TRAILERS or words[-1].isdigit()):
        words.pop()
    if not words or words[0] in _SWITCHES:
        return False
    last, before = words[-1].rstrip("0123456789") or words[-1], words[:-1]
    if last in _ALWAYS:
        return True
    if _is_publishable_words(words) or _COUNTS.intersection(words):
        return False
    if last in _USUALLY:
        return last not in {"KEY", "KEYS"} or not before or before[-1] not in _NAMING
    return last.endswith(_GLUED)


def is_publishable(name: str, text: str = "") -> bool:
    """Whether this key is made to be seen by browsers: by name or by the kind of its text."""
    words = _words(_without_public_prefix(name))
    if words and words[-1] in _ALWAYS:
        return False
    return _is_publishable_words(words) or bool(_PUBLISHABLE_TEXT.match(text)) or _is_anonymous_token(text)


def is_secret_text(text: str) -> bool:
    """Whether the text alone shows that it is a credential: a key of a known kind, a private key, a token."""
    if _SECRET_TEXT.match(text):
        return True
    return bool(_JWT.match(text)) and not _is_anonymous_token(text)


def may_hold_secret(text: str) -> bool:
    """Whether a name or a text in it can be a secret's; False is certain, and soon known of a whole file."""
    return _SECRET_WORD.search(text.upper()) is not None or _OPENING.search(text) is not None


def is_secret_reference(text: str) -> bool:
    """Whether the text only says where a secret is kept (`op://…`) or is encrypted: its truth is unknown."""
    return bool(_REFERENCE.match(text.strip()))


@lru_cache(maxsize=131072)
def is_plain_name(name: str) -> bool:
    """Whether `name` is the name of a variable, and no line of a torn file that a loader took for one.

    A key on a line of its own, or what stands before the next `=` when a quote was never closed, is a name to some
    loaders, and may be a secret.
    """
    if is_secret_text(name) or not _NAME.fullmatch(name):
        return False
    return not looks_random(name)


def looks_random(word: str) -> bool:
    """Whether nobody can have thought of this word: long, digits among small and capital letters, or these by turns."""
    if len(word) < _LONG_FOR_A_WORD:
        return False
    kinds = [char.isdigit() + 2 * char.isupper() for char in word if char.isalnum()]
    if len(set(kinds)) == 3:
        return True
    return 2 * sum(one != two for one, two in pairwise(kinds)) >= len(word) and "_" not in word


def is_masked(name: str, text: str) -> bool:
    """Whether views must not show this text: a secret by name or by text, or a URL with credentials in it."""
    if not text:
        return False
    if is_secret_name(name) or is_secret_text(text):
        return not is_publishable(name, text)
    return mask_url(text) != text


def secret_texts(name: str, text: str) -> Iterator[str]:
    """What of a variable must never appear in output: the whole text, or the credentials inside a URL.

    Everyday words that stand as a development default (`postgres`, `secret`) are left out: hiding them would tear
    every line in which they occur, and hide nothing.
    """
    if is_secret_name(name) or is_secret_text(text):
        found = [] if is_publishable(name, text) else [text, *_KEYED.findall(text)]
    else:
        bare = _BARE_USERINFO.match(text)
        found = [part for url in _URL.finditer(text) for part in _credentials(url)]
        found += [bare["password"]] if bare else []
    for candidate in found:
        if not (candidate.isalpha() and placeholder(candidate) is not None):
            yield candidate


def _credentials(url: re.Match[str]) -> Iterator[str]:
    rest = url.group()[len(url["scheme"]) :]
    if (
        "@" in rest and "@" not in url["authority"] and ":" in url["authority"]
    ):  # torn by a `/` in the password
        yield rest.rpartition("@")[0].partition(":")[2]
    yield from _RANDOM_SEGMENT.findall(url["path"])
    userinfo, at, _ = url["authority"].rpartition("@")
    user, colon, password = userinfo.partition(":")
    if at:
        yield from dict.fromkeys((password, unquote(password)) if colon else (user, unquote(user)))
    for name, value in parse_qsl((url["query"] or "")[1:]):
        if is_secret_name(name):
            yield value


def _without_public_prefix(name: str) -> str:
    for prefix in _PUBLIC_PREFIXES:
        if name.upper().startswith(prefix):
            return name[len(prefix) :]
    return name


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word.upper() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def _is_publishable_words(words: list[str]) -> bool:
    if _PUBLISHABLE_WORDS.intersection(words):
        return True
    return any(pair == ("CLIENT", "TOKEN") for pair in pairwise(words))


def _is_anonymous_token(text: str) -> bool:
    """A JWT whose payload says `"role": "anon"`: made for browsers."""
    found = _JWT.match(text)
    if not found:
        return False
    import base64

    from devstack import foreign

    body = found.group(1)
    try:
        payload = foreign.from_json(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:  # what base64 raises
        return False
    return isinstance(payload, dict) and payload.get("role") == "anon"


class Fingerprinter:
    """Shows that two secrets are equal or differ without showing them.

    Without a key each instance draws a random one: equal texts are equal within one run, and a fingerprint
    found in a log says nothing to a dictionary.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes | None = None) -> None:
        self._key = os.urandom(32) if key is None else key

    def of(self, text: str) -> str:
        """`hmac:` and 8 hexadecimal digits."""
        import hmac

        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
        return f"hmac:{digest.hex()[:8]}"

    def describe(self, text: str) -> str:
        """Fingerprint and length, as findings show a secret."""
        if not text:
            return "empty"
        return f"{self.of(text)}, {len(text)} character{'' if len(text) == 1 else 's'}"


_URL = regex(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:/{1,3})(?P<authority>[^/?#\s]*)"
    r"(?P<path>[^?#\s]*)(?P<query>\?[^#\s]*)?(?P<fragment>#\S*)?"
)
_RANDOM_SEGMENT = regex(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{20,}")
# `app:password@db:5432`, as drivers take it without a scheme; `npm:name@2` and addresses of people are none.
_BARE_USERINFO = regex(
    r"(?!(?:mailto|npm|sip|xmpp|acct|workspace):)(?P<user>[^\s:/@]*):(?P<password>(?!//)[^\s@]+)@(?=[\w(\[.])",
    re.I,
)
MASK = "***"


def mask_url(url: str) -> str:
    """URLs in the text with userinfo, query values, fragment and key-like path segments masked."""
    masked = _URL.sub(_mask_parts, url)
    bare = _BARE_USERINFO.match(masked)
    return f"{MASK}@{masked[bare.end() :]}" if bare and "://" not in bare.group() else masked


def _mask_parts(found: re.Match[str]) -> str:
    scheme, authority, path = found["scheme"], found["authority"], found["path"]
    rest = found.group(0)[len(scheme) :]
    port = authority.rpartition("]")[2].rpartition(":")[2] if ":" in authority else ""
    if "@" not in authority and "@" in rest and port and not port.isdigit():
        return _mask_torn(scheme, rest)
    if "@" in authority:
        authority = f"{MASK}@{authority.rpartition('@')[2]}"
    path = _RANDOM_SEGMENT.sub(MASK, path)
    query = re.sub(r"(?<==)[^&]+", MASK, found["query"] or "")
    if query and "=" not in query and len(query) > 1:
        query = f"?{MASK}"
    fragment = f"#{MASK}" if found["fragment"] and len(found["fragment"]) > 1 else (found["fragment"] or "")
    return f"{scheme}{authority}{path}{query}{fragment}"


def _mask_torn(scheme: str, rest: str) -> str:
    """A password with an unescaped `/`, `?` or `#` moves the `@` out of the authority."""
    return f"{scheme}{MASK}@{mask_url('x://' + rest.rpartition('@')[2])[4:]}"
