"""devstack's own options: default < `[devstack]` of stack.toml < `DEVSTACK_*` < flag, with provenance.

pydantic-settings merges the layers. It costs 130 ms to import, so it is not asked when neither the table nor
a `DEVSTACK_*` variable says anything: then defaults and flags are all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

from devstack import durations
from devstack.errors import UsageError
from devstack.nearest import did_you_mean
from devstack.records import dataclass

PREFIX = "DEVSTACK_"
_SIZES = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


class Source(StrEnum):
    """Which layer a value comes from; later ones win."""

    DEFAULT = "default"
    FILE = "stack.toml"
    ENVIRONMENT = "environment"
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """devstack's own options.

    Attributes:
        colour: auto, always or never.
        log_format: what `up` prints: `text`, or `json` for events as JSON lines.
        profiles: profiles that every run has.
        grace: seconds before KILL for services without `stop.grace` of their own; None = the type's.
        timeout: seconds until everything must be ready; None = as long as it takes.
        log_size: bytes after which a log file is rotated.
        settle: seconds of quiet after an env file changed before it is read.
    """

    colour: str = "auto"
    log_format: str = "text"
    profiles: tuple[str, ...] = ()
    grace: float | None = None
    timeout: float | None = None
    log_size: int = 64 * 10**6
    settle: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where one value comes from: the layer, and what to edit there (`devstack.grace`, `DEVSTACK_GRACE`)."""

    source: Source
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Settings and where each of them comes from."""

    settings: Settings
    provenance: Mapping[str, Provenance]

    def explain(self) -> Iterator[tuple[str, str, str]]:
        """(option, value, where from), in the order of `Settings`."""
        for option in OPTIONS:
            where = self.provenance[option]
            name = f" {where.name}" if where.name else ""
            yield option, _spelled(option, getattr(self.settings, option)), f"{where.source}{name}"


def resolve(
    table: Mapping[str, object],
    environment: Mapping[str, str],
    flags: Mapping[str, object] | None = None,
) -> Resolved:
    """Merge the layers. `flags` that are None were not given. Raises UsageError for a value that is wrong."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    variables = {name: environment[_variable(name)] for name in OPTIONS if _variable(name) in environment}
    layers: dict[Source, Mapping[str, object]] = {
        Source.FILE: table,
        Source.ENVIRONMENT: variables,
        Source.FLAG: given,
    }
    parsed = {source: _parsed(source, layer) for source, layer in layers.items()}
    if table or variables:
        from devstack.settings_layers import merge

        values = merge(parsed[Source.FILE], parsed[Source.ENVIRONMENT], parsed[Source.FLAG])
    else:
        values = parsed[Source.FLAG]
    provenance = {name: Provenance(source=Source.DEFAULT) for name in OPTIONS}
    for source, layer in parsed.items():
        for name in layer:
            provenance[name] = Provenance(source=source, name=_place(source, name))
    return Resolved(settings=Settings(**values), provenance=MappingProxyType(provenance))  # type: ignore[arg-type]


def mistakes(table: Mapping[str, object]) -> Iterator[tuple[str, str, str | None]]:
    """(key, what is wrong, suggestion) for each wrong entry of the `[devstack]` table."""
    for name, value in table.items():
        if name not in OPTIONS:
            yield name, f"unknown key `{name}`", did_you_mean(name, OPTIONS)
            continue
        try:
            OPTIONS[name](value)
        except ValueError as error:
            yield name, str(error), None


def unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """`DEVSTACK_*` variables that mean nothing but are close to an option's, with that one."""
    for variable in environment:
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX).lower() not in OPTIONS:
            near = did_you_mean(variable.removeprefix(PREFIX), OPTIONS)
            if near is not None:
                yield variable, near


def _parsed(source: Source, layer: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in layer.items():
        if name not in OPTIONS:
            raise UsageError(f"{_place(source, name)}: no such option", hint=did_you_mean(name, OPTIONS))
        try:
            found[name] = OPTIONS[name](value)
        except ValueError as error:
            raise UsageError(f"{_place(source, name)}: {error}") from None
    return found


def _place(source: Source, name: str) -> str:
    places = {
        Source.FILE: f"devstack.{name}",
        Source.ENVIRONMENT: _variable(name),
        Source.FLAG: f"--{name.replace('_', '-')}",
    }
    return places[source]


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _choice(*words: str) -> Callable[[object], object]:
    def parse(value: object) -> object:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return parse


def _duration(value: object) -> object:
    if isinstance(value, float):
        return value  # a flag that the command line has parsed already
    if not isinstance(value, str):
        raise ValueError('must be a duration in quotes, such as "5s"')
    return durations.parse(value)


def _names(value: object) -> object:
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",") if name.strip()]
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ValueError("must be a list of names")
    return tuple(value)


def _size(value: object) -> object:
    match = re.fullmatch(r"([0-9]+) ?(kB|MB|GB|)", str(value))
    if match is None or isinstance(value, bool | float) or int(match[1]) == 0:
        raise ValueError('must be a size, such as "50MB"')
    return int(match[1]) * _SIZES[match[2]]


OPTIONS: Mapping[str, Callable[[object], object]] = MappingProxyType(
    {
        "colour": _choice("auto", "always", "never"),
        "log_format": _choice("text", "json"),
        "profiles": _names,
        "grace": _duration,
        "timeout": _duration,
        "log_size": _size,
        "settle": _duration,
    }
)


def _spelled(name: str, value: object) -> str:
    if value is None:
        return "-"
    if name == "log_size" and isinstance(value, int):
        unit = next(unit for unit in ("GB", "MB", "kB", "") if value % _SIZES[unit] == 0)
        return f"{value // _SIZES[unit]}{unit}"
    if isinstance(value, float):
        return durations.show(value)
    return ", ".join(value) or "-" if isinstance(value, tuple) else str(value)
