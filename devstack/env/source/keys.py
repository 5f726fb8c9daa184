"""Keys with which a service signs and verifies tokens, as far as one can follow them to the environment.

`jwt.sign(claims, process.env.A)` says more about a secret than its name: whoever verifies such a token must read the
same value, whatever he calls it. What cannot be followed for certain is left out.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.source.client import ModuleGraph
from devstack.env.source.hints import Hints
from devstack.env.source.model import KeyUse, Role, SourceRead
from devstack.patterns import regex
from devstack.records import dataclass

if TYPE_CHECKING:
    from tree_sitter import Node

    from devstack.env.source.syntax import Module

Names = tuple[str, ...]
DEEPEST = 14  # names, calls and modules between a key and the environment
_SIGNS, _VERIFIES = (Role.SIGNS,), (Role.VERIFIES,)
_BOTH = (Role.SIGNS, Role.VERIFIES)
# Of key pairs one half signs and the other one verifies: their variables must differ.
_KEY_PAIR = regex(rb"['\"](?:[REP]S(?:256|384|512)|EdDSA|ES256K)['\"]")
_HALF_NAME = regex(r"(?:^|_)(?:PUBLIC|PRIVATE|PUB|PRIV|PEM|CERT|CERTIFICATE|JWKS?|RSA)(?:_|$)")


@dataclass(frozen=True, slots=True)
class Call:
    """What a library's function does with a key, and where it takes it: an argument's position, or an option's name."""

    roles: tuple[Role, ...]
    key: int | str


_AUTH_JS = {
    "encode": Call(_SIGNS, "secret"),
    "decode": Call(_VERIFIES, "secret"),
    "getToken": Call(_BOTH, "secret"),  # of a session that the application itself has signed
}
_PYJWT = {"encode": Call(_SIGNS, 1), "decode": Call(_VERIFIES, 1)}
# Package, name of its function: what it does. `default` is what the package itself is when it is called.
SCRIPT_CALLS: Mapping[str, Mapping[str, Call]] = {
    "jsonwebtoken": {"sign": Call(_SIGNS, 1), "verify": Call(_VERIFIES, 1)},
    "jose": {name: Call(_VERIFIES, 1) for name in ("jwtVerify", "jwtDecrypt", "compactVerify")},
    "next-auth": {"default": Call(_BOTH, "secret")},
    "next-auth/jwt": _AUTH_JS,
    "@auth/core/jwt": _AUTH_JS,
    "hono/jwt": {"sign": Call(_SIGNS, 1), "verify": Call(_VERIFIES, 1), "jwt": Call(_VERIFIES, "secret")},
    "jwt-simple": {"encode": Call(_SIGNS, 1), "decode": Call(_VERIFIES, 1)},
    "@tsndr/cloudflare-worker-jwt": {"sign": Call(_SIGNS, 1), "verify": Call(_VERIFIES, 1)},
    "fast-jwt": {"createSigner": Call(_SIGNS, "key"), "createVerifier": Call(_VERIFIES, "key")},
    "express-jwt": {"expressjwt": Call(_VERIFIES, "secret"), "default": Call(_VERIFIES, "secret")},
    "koa-jwt": {"default": Call(_VERIFIES, "secret")},
    "passport-jwt": dict.fromkeys(("Strategy", "super"), Call(_VERIFIES, "secretOrKey")),
    "@nestjs/jwt": {
        **dict.fromkeys(("sign", "signAsync"), Call(_SIGNS, "secret")),
        **dict.fromkeys(("verify", "verifyAsync"), Call(_VERIFIES, "secret")),
        **dict.fromkeys(("register", "registerAsync"), Call(_BOTH, "secret")),
    },
    "@fastify/jwt": {"register": Call(_BOTH, "secret")},
}
# Used through objects that another package has made: the receiver says nothing.
THROUGH_OBJECTS = frozenset({"@nestjs/jwt", "@fastify/jwt"})
# jose: `new SignJWT(claims).setIssuedAt().sign(key)`.
SCRIPT_BUILDERS = {"SignJWT": "sign", "CompactSign": "sign", "EncryptJWT": "encrypt"}

PYTHON_CALLS: Mapping[str, Mapping[str, Call]] = {
    "jwt": _PYJWT,
    "jose.jwt": _PYJWT,
    "authlib.jose.jwt": {"encode": Call(_SIGNS, 2), "decode": Call(_VERIFIES, 1)},
    "fastapi_users.authentication": {"JWTStrategy": Call(_BOTH, 0)},
}
# How the argument of a position is called where it is given by name.
PYTHON_NAMES = {"encode": "key", "decode": "key", "JWTStrategy": "secret"}

_SCRIPT_HINTS = Hints(
    (b"jsonwebtoken", b"jwt", b"jose", b"next-auth", b"@auth/core"),
    regex(
        b"['\"](?:" + b"|".join(re.escape(name.encode()) for name in SCRIPT_CALLS) + b")(?:/[^'\"]*)?['\"]"
    ),
)
_PYTHON_HINTS = Hints(
    (b"jwt", b"jose", b"fastapi_users"),
    regex(rb"^[ \t]*(?:from|import)\s+(?:[\w., \t]*,\s*)?(?:jwt|jose|authlib\.jose|fastapi_users)\b", re.M),
)


@dataclass(slots=True)
class Parsed:
    """A module with its reads by position (row, column); `name` is relative to the service's folder, POSIX."""

    name: str
    module: Module
    reads: Mapping[tuple[int, int], SourceRead]

    def read_at(self, node: Node) -> SourceRead | None:
        """The read that `node` is, and nothing more than it."""
        read = self.reads.get((node.start_point[0], node.start_point[1]))
        if read is None or read.name is None:
            return None
        text = self.module.text(node)
        if node.type in ("call", "call_expression"):
            function = node.child_by_field_name("function")
            is_it = read.name in text and function is not None and read.name not in self.module.text(function)
            return read if is_it else None
        if node.type in ("pair_pattern", "object_assignment_pattern"):
            return read  # `const { A: a } = process.env`
        return read if text.rstrip("'\"`])").endswith(read.name) else None

    def reads_in(self, node: Node) -> list[SourceRead]:
        """What is read somewhere inside `node`."""
        return [
            read
            for (row, column), read in self.reads.items()
            if node.start_point <= (row, column) < node.end_point and read.name is not None
        ]


class Modules:
    """A service's modules, each one parsed when it is first asked for."""

    def __init__(self, folder: Path, paths: Mapping[str, Path], read: Callable[[Path], bytes | None]) -> None:
        self._folder = folder
        self._paths = paths
        self._read = read
        self._parsed: dict[str, Parsed] = {}

    @cached_property
    def graph(self) -> ModuleGraph:
        """Resolves imports of JavaScript."""
        return ModuleGraph(self._folder, dict.fromkeys(self._paths, b""))

    def has(self, name: str) -> bool:
        """Whether the service has a module of this name."""
        return name in self._paths

    def names(self, is_found: Callable[[bytes], object], *, is_python: bool) -> Iterator[str]:
        """Modules of one language in whose text it is found."""
        for name, path in self._paths.items():
            if name.endswith(".py") is is_python and is_found(self._read(path) or b""):
                yield name

    def module(self, name: str) -> Parsed:
        """The module, its reads found."""
        known = self._parsed.get(name)
        if known is None:
            from devstack.env.source.module import parsed, scan_reads

            module = parsed(self._read(self._paths[name]) or b"", name)
            scan_reads(module)
            reads = {(read.line - 1, read.column): read for read in module.reads}
            known = self._parsed[name] = Parsed(name, module, reads)
        return known


class Tracer(ABC):
    """Follows expressions of one service's modules to what they read from the environment."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self._known: dict[tuple[str, Names, int], SourceRead | None] = {}

    def trace(self, at: Parsed, node: Node | None, depth: int) -> SourceRead | None:
        """What an expression reads, if it is a secret and nothing else."""
        inner = self.unwrapped(node)
        if inner is None or depth > DEEPEST:
            return None
        return at.read_at(inner) or self.followed(at, inner, depth + 1)

    def name(self, at: Parsed, path: Names, use: Node | None, depth: int) -> SourceRead | None:
        """What `a.b.c` is where `use` stands; at the top level of the module without one."""
        key = (at.name, path, -1 if use is None else use.start_byte)
        if key not in self._known:
            self._known[key] = None  # where a circle leads
            self._known[key] = None if depth > DEEPEST else self.declared(at, path, use, depth)
        return self._known[key]

    @abstractmethod
    def unwrapped(self, node: Node | None) -> Node | None:
        """The expression inside parentheses and the like."""

    @abstractmethod
    def followed(self, at: Parsed, inner: Node, depth: int) -> SourceRead | None:
        """What an expression reads that is no read itself: an alternative, a call, a name."""

    @abstractmethod
    def declared(self, at: Parsed, path: Names, use: Node | None, depth: int) -> SourceRead | None:
        """What the language says that it is, from where `a` is declared or imported from."""


def find(modules: Modules) -> Iterator[KeyUse]:
    """Every call of the service that is followed to a variable; paths are relative to the service's folder."""
    for is_python, hints in ((False, _SCRIPT_HINTS), (True, _PYTHON_HINTS)):
        names = list(modules.names(hints.found_in, is_python=is_python))
        if not names:
            continue
        if is_python:
            from devstack.env.source.pykeys import calls
        else:
            from devstack.env.source.jskeys import calls
        for name in names:
            yield from _uses(modules, name, calls)


Found = Iterator[tuple["Node", tuple[Role, ...], SourceRead | None]]


def _uses(modules: Modules, name: str, calls: Callable[[Modules, Parsed], Found]) -> Iterator[KeyUse]:
    at = modules.module(name)
    for call, roles, read in calls(modules, at):
        if read is None or read.name is None or _HALF_NAME.search(read.name.upper()):
            continue
        if _KEY_PAIR.search(at.module.source, call.start_byte, call.end_byte):
            continue
        for role in roles:
            yield KeyUse(role=role, path=name, line=call.start_point[0] + 1, read=read)


def agreed(reads: Iterable[SourceRead | None]) -> SourceRead | None:
    """The one read that all of them are by name; None where they differ or one is unknown."""
    found = list(reads)
    names = {None if read is None else read.name for read in found}
    return found[0] if len(names) == 1 else None
