"""The small languages inside stack.toml: references, members, addresses, compose targets.

    service:A            a variable of a service
    service:A|B          the code falls back to B when A is unset or empty (`||`, `or`)
    service:A?B          … only when A is unset (`??`, `getenv(k, d)`)
    service:A#password   a part of a URL value: user, password, host, port, path
    service:HOST+PORT    a host and a port that together address an endpoint (links only)
    file:conf.yaml#a.b   a value inside a YAML, JSON or TOML file
    =text                a literal

Every parser raises ValueError with a sentence for people; none of them knows which services exist.
"""

from __future__ import annotations

import re
from typing import cast, get_args

from devstack.patterns import regex
from devstack.stack.model import (
    ComposeTarget,
    FileKey,
    HostPortReference,
    LiteralValue,
    Member,
    Reference,
    UrlPart,
)

SERVICE_NAME = r"[a-z][a-z0-9_-]{0,39}"
VARIABLE_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
URL_PARTS: tuple[str, ...] = get_args(UrlPart)

_REFERENCE = regex(
    rf"(?P<service>{SERVICE_NAME}):(?P<names>{VARIABLE_NAME}(?:[|?]{VARIABLE_NAME})*)(?:#(?P<part>.*))?"
)
_PAIR = regex(rf"(?P<service>{SERVICE_NAME}):(?P<host>{VARIABLE_NAME})\+(?P<port>{VARIABLE_NAME})")
_SCHEME = regex(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST_AND_PORT = regex(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


def reference(text: str) -> Reference:
    """`service:A|B?C#part`."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a reference: {_why_not(text)}')
    part = match["part"]
    if part is not None and part not in URL_PARTS:
        raise ValueError(f'"{text}": "{part}" is no part of a URL: one of {", ".join(URL_PARTS)}')
    names = tuple(re.split(r"[|?]", match["names"]))
    if len(set(names)) != len(names):
        raise ValueError(f'"{text}" names one variable twice')
    operators = tuple(sign == "|" for sign in match["names"] if sign in "|?")
    return Reference(
        service=match["service"],
        names=names,
        empty_falls_through=operators,
        part=cast("UrlPart | None", part),
        text=text,
    )


def source(text: str) -> Reference | HostPortReference:
    """What a link starts from: a reference, or `service:HOST+PORT`."""
    match = _PAIR.fullmatch(text)
    if match is None:
        return reference(text)
    if match["host"] == match["port"]:
        raise ValueError(f'"{text}" names one variable twice')
    return HostPortReference(
        service=match["service"], host_name=match["host"], port_name=match["port"], text=text
    )


def member(text: str) -> Member:
    """A member of `[shared]` or `[[distinct]]`: reference, `file:path#key` or `=literal`."""
    if text.startswith("="):
        # `text` is what people are shown, and a shared value may be a secret
        return LiteralValue(value=text[1:], text="=…")
    if text.startswith("file:"):
        return _file_key(text)
    return reference(text)


def address(text: str) -> Reference | LiteralValue:
    """Where an external service is: a reference, a URL, `host:port`, or `=literal`."""
    if text.startswith("="):
        return LiteralValue(value=text[1:], text=text)
    if _SCHEME.match(text) or _HOST_AND_PORT.fullmatch(text):
        return LiteralValue(value=text, text=text)
    if _REFERENCE.fullmatch(text):
        return reference(text)
    raise ValueError(f'"{text}" is neither a URL (scheme://host) nor a reference (service:VARIABLE)')


def compose_target(text: str) -> ComposeTarget:
    """`docker-compose.yml:db`."""
    path, colon, service = text.rpartition(":")
    if not colon or not path or not re.fullmatch(r"[A-Za-z0-9._-]+", service):
        raise ValueError(f'"{text}" is not a compose target: write "docker-compose.yml:service"')
    return ComposeTarget(path=path, service=service)


def link_target(text: str) -> tuple[str, str]:
    """`service` or `service.role` → (service, role)."""
    match = re.fullmatch(rf"({SERVICE_NAME})(?:\.({SERVICE_NAME}))?", text)
    if match is None:
        raise ValueError(f'"{text}" is not a service or service.port-role')
    return match[1], match[2] or "main"


def _file_key(text: str) -> FileKey:
    path, hash_, key = text.removeprefix("file:").partition("#")
    parts = tuple(key.split("."))
    if not path or not hash_ or not all(parts):
        raise ValueError(f'"{text}" is not a value in a file: write "file:path.yaml#key.key"')
    return FileKey(path=path, key=parts, text=text)


def _why_not(text: str) -> str:
    service, colon, names = text.partition(":")
    if not colon:
        return 'write "service:VARIABLE"'
    if not re.fullmatch(SERVICE_NAME, service):
        return f'"{service}" cannot be a service\'s name'
    if not names:
        return "the variable is missing after the colon"
    return f'"{names}" is not a variable or a chain such as A|B'
