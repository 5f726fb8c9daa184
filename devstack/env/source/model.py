"""Reads of environment variables in source code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from devstack.records import dataclass, field

FLOW_FORM = "dotenv-flow"
OWN_FORM = "own code"  # of a `DotenvCall` that is none


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
        computed_fallback: something else is used instead that is no literal (`?? defaultUrl()`).
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
    computed_fallback: bool = False

    @property
    def has_fallback(self) -> bool:
        """Whether the code goes on with something else when this name gives nothing."""
        return self.fallback is not None or self.computed_fallback


@dataclass(frozen=True, slots=True, kw_only=True)
class DotenvCall:
    """A call that loads env files: `load_dotenv(".env.local", override=True)`, `dotenv.config({path})`.

    A call with several files is several of these on one line; the first file that has a name gives its value.

    Attributes:
        file: the literal file argument; None for the default search.
        beside_module: `file` is relative to the folder of the calling module (`Path(__file__).parent / …`),
            otherwise to the folder in which the program runs.
        override: the literal `override` argument.
        dynamic: an argument is not a literal, so nothing can be concluded.
        upward: the file (`.env` where `file` is None) is searched for from the module's folder upward.
        from_cwd: the search goes upward from where the program runs (`find_dotenv(usecwd=True)`).
        expands: references are resolved by dotenv-expand (NestJS' `expandVariables`).
    """

    path: str
    line: int
    file: str | None = None
    override: bool = False
    dynamic: bool = False
    form: str = "load_dotenv"
    beside_module: bool = False
    upward: bool = False
    from_cwd: bool = False
    expands: bool = False

    @property
    def is_flow(self) -> bool:
        """Whether it reads several files where it names none."""
        return self.form == FLOW_FORM

    @property
    def is_own(self) -> bool:
        """Whether the module names an env file and reads it in its own way."""
        return self.form == OWN_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlLiteral:
    """A literal URL (ws, wss, http, https) in source, outside comments.

    Attributes:
        url: as written, up to the first inserted expression; the authority is always complete.
        websocket: opened as a WebSocket right here (`new WebSocket("…")`, `io("…")`, `connect("…")`).
        is_fallback: used when a variable gives nothing.
        is_alternative: used only where something else is not given, or in one of two cases.
    """

    url: str
    path: str
    line: int
    column: int
    client: bool = False
    is_fallback: bool = False
    websocket: bool = False
    is_alternative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsClass:
    """A pydantic settings class; each field is also a `SourceRead` of the form `pydantic`.

    Attributes:
        fields: names of the environment variables it reads, prefix included; upper-case unless `case_sensitive`.
        aliased: those of `fields` that an alias names, so that no prefix applies.
        bases: names of its base classes as written.
        env_files: literal `env_file`, in order; later ones win. `beside_module`: as in `DotenvCall`.
        nested_delimiter: what joins the names of fields and of their parts: `DATABASE__HOST`.
        extra: `forbid`, `ignore`, `allow`, or None where the class does not say (forbid is pydantic's default).
        dynamic: part of its configuration is no literal.
        told: the options that the class or, once bases are known, one of them sets.
    """

    name: str
    path: str
    line: int
    fields: tuple[str, ...] = ()
    aliased: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    env_prefix: str = ""
    case_sensitive: bool = False
    nested_delimiter: str = ""
    env_files: tuple[str, ...] = ()
    beside_module: bool = False
    extra: str | None = None
    dynamic: bool = False
    told: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        """Whether the variable is a field's, or that of a part of one."""
        return self._spelt(name) in self.fields or any(self.is_part(name, field) for field in self.fields)

    def is_part(self, name: str, field: str) -> bool:
        """Whether the variable is that of a part; without a delimiter the class lets `DATABASE__HOST` pass."""
        return self._spelt(name).startswith(f"{field}{self.nested_delimiter or '__'}")

    def _spelt(self, name: str) -> str:
        return name if self.case_sensitive else name.upper()


class Role(StrEnum):
    """What a program does with a key."""

    SIGNS = "signs"
    VERIFIES = "verifies"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """A call that signs or verifies tokens with a key that comes from the environment; `read` says from where."""

    role: Role
    path: str
    line: int
    read: SourceRead


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceIndex:
    """All reads of one service's sources.

    Attributes:
        reads: what the service's own program reads.
        scripts: reads in tests, tools' configuration, scripts and in languages that the service is not written
            in: they make a variable used, and say nothing about what the service needs.
        packages: reads in packages of the same repository that the service is built from: what they fall back to
            counts, what they could read says nothing about what the service needs.
        remarks: path of each module in which a text speaks to devstack (`devstack: ignore[…]`), with the 1-based
            lines on which a comment does.
    """

    reads: Sequence[SourceRead] = ()
    dotenv_calls: Sequence[DotenvCall] = ()
    urls: Sequence[UrlLiteral] = ()
    settings: Sequence[SettingsClass] = ()
    scripts: Sequence[SourceRead] = ()
    packages: Sequence[SourceRead] = ()
    remarks: Mapping[str, frozenset[int]] = field(default_factory=dict)
    files_scanned: int = 0
