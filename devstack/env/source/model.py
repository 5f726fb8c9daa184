"""Reads of environment variables in source code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fallback(StrEnum):
    """How a fallback literal takes effect."""

    EMPTY_OR_UNSET = "||"  # JavaScript `||`, Python `or`
    UNSET = "??"  # JavaScript `??`
    DEFAULT = "default"  # getenv(name, default), pydantic and zod defaults: only when unset


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """One read of the environment.

    Attributes:
        name: None for dynamic access (`process.env[key]`).
        path: POSIX, relative to the stack's root (may start with `../`).
        line: 1-based; column: 0-based.
        form: `process.env`, `import.meta.env`, `os.environ`, `os.getenv`, `pydantic`, `zod`, `configService`,
            `destructuring`, `wrapper` …
        fallback: the literal used instead, when there is one; `operator` says when.
        otherwise: further names tried after this one, in order (`A || B || 'x'`).
        client: the module is shipped to the browser.
        subscript: a string subscript (`process.env['X']`).
    """

    name: str | None
    path: str
    line: int
    column: int
    form: str
    fallback: str | None = None
    operator: Fallback | None = None
    otherwise: tuple[str, ...] = ()
    client: bool = False
    subscript: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DotenvCall:
    """A call that loads env files: `load_dotenv(".env.local", override=True)`, `dotenv.config({path})`.

    Attributes:
        file: the literal file argument; None for the default search.
        override: the literal `override` argument.
        dynamic: an argument is not a literal, so nothing can be concluded.
    """

    path: str
    line: int
    file: str | None = None
    override: bool = False
    dynamic: bool = False
    form: str = "load_dotenv"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlLiteral:
    """A literal URL (ws, wss, http, https) in source, outside comments."""

    url: str
    path: str
    line: int
    column: int
    client: bool = False
    is_fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceIndex:
    """All reads of one service's sources."""

    reads: Sequence[SourceRead] = ()
    dotenv_calls: Sequence[DotenvCall] = ()
    urls: Sequence[UrlLiteral] = ()
    files_scanned: int = 0
