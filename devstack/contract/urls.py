"""URLs as people write them into env files: parsed without ever failing, with every fault named.

Nothing here raises for bad text; an `Address` says what could be recovered and what is wrong with it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote

from devstack.nearest import nearest
from devstack.patterns import regex
from devstack.records import dataclass

DEFAULT_PORTS = {
    "http": 80,
    "ws": 80,
    "https": 443,
    "wss": 443,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "redis": 6379,
    "rediss": 6379,
    "mongodb": 27017,
    "amqp": 5672,
    "amqps": 5671,
    "nats": 4222,
    "mqtt": 1883,
    "ftp": 21,
}
WEB_SCHEMES = ("ws", "wss", "http", "https")
SECURE = ("wss", "https")

_SCHEME = regex(r"^([A-Za-z][A-Za-z0-9+.-]*):(/*)")
_EXAMPLE = regex(r"(?:^|\.)example\.(?:com|org|net)$")
_NO_COLON = regex(r"^(wss?|https?)//(?=[^/])", re.IGNORECASE)
_QUOTES = "\"'`“”‘’"
# host:port, optionally with a path: what is left when somebody forgot the scheme
_HOST_PORT = regex(r"^[A-Za-z0-9_.-]+:\d{1,5}(?:[/?#]|$)")


class UrlFault(StrEnum):
    """Why a text is not the URL its author meant."""

    NO_SCHEME = "it has no scheme"
    UNKNOWN_SCHEME = "its scheme is unknown"
    SLASHES = "two slashes do not follow its scheme"
    TWO_SCHEMES = "it has two schemes"
    NO_COLON = "no colon follows its scheme"
    NO_HOST = "it has no host"
    BRACKETS = "its IPv6 address stands without brackets"
    BAD_PORT = "the port is not a number from 1 to 65535"
    SPACES = "it has spaces"
    QUOTES = "it has quotation marks"
    FRAGMENT = "it has a fragment"
    BACKSLASH = "it has a backslash"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Address:
    """A parsed URL. Host and scheme are lower-case; brackets of IPv6 hosts are removed.

    Attributes:
        port: as written; None where none is written or it is no number.
        path: begins with `/` or is empty.
        relative: a path alone (`/api`), which a browser resolves against the page.
    """

    scheme: str = ""
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    path: str = ""
    query: str = ""
    fragment: str | None = None
    faults: tuple[UrlFault, ...] = ()
    relative: bool = False

    def __repr__(self) -> str:
        return f"Address({self.scheme}://{self.host}:{self.port}, faults={[str(f) for f in self.faults]})"

    @property
    def effective_port(self) -> int | None:
        """The port that is dialled: as written, else the scheme's."""
        return self.port if self.port is not None else DEFAULT_PORTS.get(self.scheme.partition("+")[0])

    @property
    def is_secure(self) -> bool:
        """Whether the scheme asks for TLS."""
        return self.scheme in SECURE

    @property
    def is_websocket(self) -> bool:
        """Whether the scheme is ws or wss."""
        return self.scheme in ("ws", "wss")

    @property
    def shown(self) -> str:
        """Scheme, host, port and path: without userinfo and query, for messages."""
        if self.relative:
            return self.path
        if "@" in self.path:  # an unescaped `/` in a password: what stands before the `@` are pieces of it
            return f"{self.scheme}://***@{self.path.rpartition('@')[2]}"
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{bracketed(self.host)}{port}{self.path}"


def bracketed(host: str) -> str:
    """The host as it stands before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def parse(text: str) -> Address:
    """What can be understood of `text`, and what is wrong with it."""
    faults: list[UrlFault] = []
    bare = text.strip()
    if bare != text or re.search(r"\s", bare):
        faults.append(UrlFault.SPACES)
    if bare and (bare[0] in _QUOTES or bare[-1] in _QUOTES):
        faults.append(UrlFault.QUOTES)
        bare = bare.strip(_QUOTES)
    if "\\" in bare:
        faults.append(UrlFault.BACKSLASH)
        bare = bare.replace("\\", "/")
    if bare.startswith("/") and not bare.startswith("//"):
        return _relative(bare, faults)
    scheme, rest = _split_scheme(bare, faults)
    return _with_authority(scheme, rest, faults)


def _relative(text: str, faults: list[UrlFault]) -> Address:
    path, _, query = text.partition("?")
    return Address(path=path, query=query, faults=tuple(faults), relative=True)


def _split_scheme(text: str, faults: list[UrlFault]) -> tuple[str, str]:
    lost = _NO_COLON.match(text)
    if lost is not None:
        faults.append(UrlFault.NO_COLON)
        return lost[1].lower(), text[lost.end() :]
    match = _SCHEME.match(text)
    if match is None or (not match[2] and (_HOST_PORT.match(text) or "." in match[1])):
        faults.append(UrlFault.NO_SCHEME)
        return "", text.lstrip("/")
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme not in DEFAULT_PORTS and nearest(scheme, WEB_SCHEMES, cutoff=0.8):
        faults.append(UrlFault.UNKNOWN_SCHEME)
    if match[2] != "//" and not (match[2] == "///" and scheme not in WEB_SCHEMES):
        faults.append(UrlFault.SLASHES)
    second = _SCHEME.match(rest)
    if second is not None and second[2].startswith("//"):
        faults.append(UrlFault.TWO_SCHEMES)
        rest = rest[second.end() :]
    return scheme, rest


def _with_authority(scheme: str, rest: str, faults: list[UrlFault]) -> Address:
    rest, hash_, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    userinfo, _, hostport = authority.rpartition("@")
    host, port = _split_port(hostport, faults)
    if not host:
        faults.append(UrlFault.NO_HOST)
    if hash_ and scheme in ("ws", "wss"):
        faults.append(UrlFault.FRAGMENT)
    user, colon, password = userinfo.partition(":")
    return Address(
        scheme=scheme,
        user=unquote(user) or None,
        password=unquote(password) if colon else None,
        host=host.lower().rstrip("."),
        port=port,
        path=slash + path,
        query=query,
        fragment=fragment if hash_ else None,
        faults=tuple(dict.fromkeys(faults)),
    )


def _split_port(hostport: str, faults: list[UrlFault]) -> tuple[str, int | None]:
    if hostport.startswith("["):
        host, _, rest = hostport[1:].partition("]")
        text = rest.removeprefix(":")
    elif hostport.count(":") > 1 and (bare := _unbracketed(hostport)) is not None:
        faults.append(UrlFault.BRACKETS)
        host, text = bare
    else:
        host, _, text = hostport.partition(":")
    if not text:
        return host, None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        faults.append(UrlFault.BAD_PORT)
        return host, None
    return host, int(text)


def _unbracketed(hostport: str) -> tuple[str, str] | None:
    """`::1:3001` as host and port; what could be either is taken for an address with a port."""
    host, _, text = hostport.rpartition(":")
    if text.isdigit() and len(text) > 1 and isinstance(ip(host), IPv6Address):
        return host, text
    return (hostport, "") if isinstance(ip(hostport), IPv6Address) else None


def has_scheme(text: str) -> bool:
    """Whether `text` begins with `scheme://`."""
    match = _SCHEME.match(text)
    return match is not None and match[2] == "//"


def comparable(text: str) -> tuple[object, ...] | None:
    """A key under which equal URLs are equal: case, default port and trailing slash do not matter.

    None when the text is not a whole URL; then only the text itself can be compared.
    """
    if not has_scheme(text) or "," in text.partition("?")[0]:
        return None
    address = parse(text)
    if address.faults:
        return None
    host = "loopback" if is_loopback(address.host) else address.host
    return (
        address.scheme,
        address.user,
        address.password,
        host,
        address.effective_port,
        address.path.rstrip("/"),
        address.query,
        address.fragment,
    )


def ip(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` spells, or None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """localhost, names below it, 127.0.0.0/8 and ::1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = ip(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address is not None and address.is_loopback


def is_unspecified(host: str) -> bool:
    """0.0.0.0 and ::, which name no machine that a client could dial."""
    address = ip(host)
    return address is not None and address.is_unspecified


def is_single_label(host: str) -> bool:
    """A name without a dot that is not localhost: resolvable inside a container network, rarely outside."""
    return bool(host) and "." not in host and ":" not in host and not is_loopback(host)


def is_example(host: str) -> bool:
    """A host of documentation: example.com and its like."""
    return _EXAMPLE.search(host) is not None


# Names that mean this machine or this network, as seen from containers, phones and tunnels.
_LOCAL_SUFFIXES = (".local", ".internal", ".lan", ".home.arpa", ".test", ".localdomain", ".docker")


def is_public(host: str) -> bool:
    """Whether `host` lies outside this machine and its private networks."""
    if not host or is_loopback(host) or is_single_label(host):
        return False
    address = ip(host)
    if address is not None:
        return address.is_global
    return "." in host and not host.endswith(_LOCAL_SUFFIXES)
