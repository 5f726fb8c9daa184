"""From a stack to what each program will see, with provenance; and what a reference finds there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from devstack.env import versions
from devstack.env.files import Files
from devstack.env.loaders.table import loader
from devstack.env.loading import plan
from devstack.env.model import (
    Environment,
    LayerKind,
    Loaded,
    LoadRequest,
    Origin,
    Overlaid,
    Shadow,
    Value,
)
from devstack.records import dataclass, replace
from devstack.stack import defaults, scripts
from devstack.stack.launch import Launch, launch
from devstack.stack.model import Reference, Service, Stack

if TYPE_CHECKING:
    from devstack.env.loading import Sources
    from devstack.env.source.model import SourceIndex
    from devstack.env.source.scan import SourceScanner

# What devstack itself puts into a child; never inherited further.
OWN_NAMES = ("DEVSTACK_RUN", "DEVSTACK_SERVICE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What a program that tries the names of a reference ends up with.

    Attributes:
        value: None when no name gives one.
        name: the name that gave it.
        tried: names in order, up to and with `name`.
    """

    value: Value | None
    name: str | None
    tried: tuple[str, ...]


def resolve(
    stack: Stack,
    *,
    process: Mapping[str, str],
    files: Files,
    services: Iterable[str] | None = None,
    sources: Sources | None = None,
    launches: Callable[[Service], Launch | None] | None = None,
) -> dict[str, Environment]:
    """The environment of each service (all, or those named).

    Args:
        process: the environment devstack was started with.
        sources: gives the index of a service's sources, where one is at hand already.
        launches: likewise how a service is started.
    """
    inherited = {name: text for name, text in process.items() if name not in OWN_NAMES}
    given = _Given(
        files=files,
        installed=_Installed(inherited),
        sources=sources or _Scanner(stack, files),
        launches=launches or (lambda service: launch(stack, service)),
    )
    wanted = stack.services if services is None else list(services)
    return {name: _Resolution(stack, stack.services[name], inherited, given).environment() for name in wanted}


def lookup(reference: Reference, environment: Environment) -> Lookup:
    """Follow `A|B?C`: `|` goes on when a name is unset or empty, `?` only when it is unset."""
    last = len(reference.names) - 1
    for index, name in enumerate(reference.names):
        value = environment.get(name)
        if value is None or not value.is_set:
            continue
        goes_on = index < last and reference.empty_falls_through[index]
        if not (value.is_empty and goes_on):
            return Lookup(value=value, name=name, tried=reference.names[: index + 1])
    return Lookup(value=None, name=None, tried=reference.names)


class _Installed:
    """The versions of installed programs, each asked at most once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._asked: dict[str, tuple[int, ...] | None] = {}

    def __call__(self, name: str) -> tuple[int, ...] | None:
        if name not in self._asked:
            from devstack.host import tools

            program = tools.which(name, self._environment.get("PATH"), Path.cwd())
            self._asked[name] = tools.version(program, self._environment) if program else None
        return self._asked[name]


class _Scanner:
    """Indexes the sources of a service when it is first asked for."""

    def __init__(self, stack: Stack, files: Files) -> None:
        self._stack = stack
        self._files = files
        self._scanner: list[SourceScanner] = []

    def __call__(self, service: str) -> SourceIndex:
        if not self._scanner:
            from devstack.env.source.scan import SourceScanner as Scanner

            self._scanner.append(Scanner(self._stack.root, self._files))
        return self._scanner[0].index(self._stack, service)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What all services share."""

    files: Files
    installed: _Installed
    sources: Sources
    launches: Callable[[Service], Launch | None]


class _Resolution:
    """Works out one service."""

    def __init__(self, stack: Stack, service: Service, inherited: dict[str, str], shared: _Given) -> None:
        self._stack = stack
        self._service = service
        self._inherited = inherited
        self._shared = shared
        self._launch = shared.launches(service)
        self._plan = plan(
            stack,
            service,
            self._launch,
            files=shared.files,
            sources=shared.sources,
            installed=shared.installed,
        )

    def environment(self) -> Environment:
        """Files, `set`, port and inline variables, in the order in which they win."""
        given = given_values(self._stack, self._service, self._launch, self._inherited)
        given.update(_scripted(self._launch))
        port = defaults.port_env(self._service)
        loaded, pin = self._load(given)
        if (
            port in loaded.variables
            and self._service.port_env is None
            and port not in self._service.env.assignments
        ):
            # An env file sets the port itself: then devstack does not, unless told to.
            given = {name: value for name, value in given.items() if name != port}
            loaded, pin = self._load(given)
        return Environment(
            service=self._service.name,
            loader=pin,
            mode=self._plan.mode,
            variables=self._merged(loaded, given),
            layers=loaded.layers,
            issues=self._plan.issues + loaded.issues,
            prefixes=loaded.prefixes or self._plan.prefixes,
            process=MappingProxyType(self._inherited),
        )

    def _load(self, given: Mapping[str, Value]) -> tuple[Loaded, str]:
        process = self._inherited | {
            name: value.text for name, value in given.items() if value.text is not None
        }
        pins: list[str] = []
        whole: Loaded | None = None
        for one in self._plan.loads:
            pin = versions.choose(one.loader, one.folder, self._shared.files, self._shared.installed)
            pins.append(pin)
            request = LoadRequest(
                folder=one.folder,
                mode=one.mode or self._plan.mode,
                process=process,
                reader=self._shared.files,
                files=one.files,
                override=one.override,
                prefixes=one.prefixes,
            )
            loaded = loader(pin).load(request)
            whole = _stacked(whole, loaded) if whole and (whole.layers or whole.issues) else loaded
            if one is not self._plan.loads[-1]:
                texts = {name: value.text for name, value in whole.variables.items()}
                process = process | {name: text for name, text in texts.items() if text is not None}
        return whole or Loaded(variables={}, layers=()), " + ".join(dict.fromkeys(pins))

    def _merged(self, loaded: Loaded, given: Mapping[str, Value]) -> Mapping[str, Value]:
        """File values with `given` where it won, and `given` names that no file declares."""
        above: dict[str, Value] = {}
        injects = defaults.inject(self._service)
        for name, value in given.items():
            found = loaded.variables.get(name)
            if found is None:
                above[name] = value
            elif found.origin.layer is LayerKind.PROCESS:
                above[name] = replace(
                    found, origin=value.origin, raw=value.raw, unknown=value.unknown or found.unknown
                )
            elif injects:
                above[name] = replace(value, shadows=(_as_shadow(found), *found.shadows))
        return Overlaid(loaded.variables, above) if above else loaded.variables


def _stacked(first: Loaded, second: Loaded) -> Loaded:
    """Two layers as one: where the second kept what the first had set, the first's value stays."""
    merged = dict(first.variables)
    for name, value in second.variables.items():
        before = merged.get(name)
        if before is None:
            merged[name] = value
        elif value.origin.layer is LayerKind.PROCESS:
            merged[name] = replace(
                before,
                text=value.text,
                unknown=value.unknown or before.unknown,
                shadows=_without(before.origin, before.shadows + value.shadows),
            )
        else:
            losers = tuple(shadow for shadow in value.shadows if shadow.origin.layer is not LayerKind.PROCESS)
            shadows = (*losers, _as_shadow(before), *before.shadows)
            merged[name] = replace(value, shadows=_without(value.origin, shadows))
    return Loaded(
        variables=merged,
        layers=tuple(dict.fromkeys(first.layers + second.layers)),
        issues=first.issues + second.issues,
        prefixes=first.prefixes + second.prefixes,
    )


def _without(origin: Origin, shadows: tuple[Shadow, ...]) -> tuple[Shadow, ...]:
    """Where both layers read one file, a line does not hide itself."""
    return tuple(shadow for shadow in shadows if shadow.origin != origin)


def _as_shadow(value: Value) -> Shadow:
    return Shadow(text=value.text, origin=value.origin)


def given_values(
    stack: Stack, service: Service, started: Launch | None, inherited: Mapping[str, str]
) -> dict[str, Value]:
    """What devstack puts into the process beside files: the port, `set`, and a Procfile's `VAR=x cmd`."""
    given: dict[str, Value] = {}
    port = defaults.port_env(service)
    if port:
        given[port] = _declared(stack, str(service.port), f"services.{service.name}.port", LayerKind.SET)
    for name, text in service.env.assignments.items():
        given[name] = _declared(stack, text, f"services.{service.name}.env.set.{name}", LayerKind.SET)
    if started is None or not (started.inline_env or started.inline_dynamic):
        return given
    where = Origin(
        layer=LayerKind.COMMAND,
        path=stack.root / started.spot.path if started.spot.path else None,
        line=started.spot.line,
    )
    for name, text in started.inline_env.items():
        given[name] = Value(text=text, origin=where, raw=text)
    for name in started.inline_dynamic:
        before = given[name].text if name in given else inherited.get(name)
        known = before or started.inline_defaults.get(name)
        unknown = None if known is not None else "only the shell can tell"
        given[name] = Value(text=known, origin=where, unknown=unknown)
    return given


def _scripted(started: Launch | None) -> dict[str, Value]:
    """What the package.json script itself sets before its program: the process gets it without devstack."""
    if started is None or started.script is None:
        return {}
    where = Origin(layer=LayerKind.COMMAND, path=started.script.path, line=started.script.line)
    return {
        name: Value(
            text=text, origin=where, raw=text, unknown=None if text is not None else "only the shell can tell"
        )
        for name, text in scripts.settings(started.script).items()
    }


def _declared(stack: Stack, text: str, key: str, layer: LayerKind) -> Value:
    spot = stack.spot(key)
    return Value(text=text, origin=Origin(layer=layer, path=stack.root / spot.path, line=spot.line), raw=text)
