"""From a stack to what each program will see, with provenance; and what a reference finds there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from devstack.env import versions
from devstack.env.bundler import vite_settings
from devstack.env.files import Files
from devstack.env.loaders.table import loader
from devstack.env.model import (
    Environment,
    LayerKind,
    Loaded,
    LoadIssue,
    LoadRequest,
    Origin,
    Shadow,
    Value,
)
from devstack.stack import defaults
from devstack.stack.launch import Launch, launch
from devstack.stack.model import EnvLayer, Reference, Service, Stack

# What devstack itself puts into a child; never inherited further.
OWN_NAMES = ("DEVSTACK_RUN", "DEVSTACK_SERVICE")
DEFAULT_MODE = "development"


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
    stack: Stack, *, process: Mapping[str, str], files: Files, services: Iterable[str] | None = None
) -> dict[str, Environment]:
    """The environment of each service (all, or those named).

    Args:
        process: the environment devstack was started with.
    """
    inherited = {name: text for name, text in process.items() if name not in OWN_NAMES}
    node = _Node(inherited)
    wanted = stack.services if services is None else list(services)
    return {
        name: _Resolution(stack, stack.services[name], inherited, files, node).environment()
        for name in wanted
    }


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


class _Node:
    """The major version of the installed Node, asked at most once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._asked: list[int | None] = []

    def __call__(self) -> int | None:
        if not self._asked:
            from devstack.host import tools

            program = tools.which("node", self._environment.get("PATH"), Path.cwd())
            found = tools.version(program, self._environment) if program else None
            self._asked.append(found[0] if found else None)
        return self._asked[0]


class _Resolution:
    """Works out one service."""

    def __init__(
        self, stack: Stack, service: Service, inherited: Mapping[str, str], files: Files, node: _Node
    ) -> None:
        self._stack = stack
        self._service = service
        self._inherited = inherited
        self._files = files
        self._node = node
        self._folder = Path(os.path.normpath(stack.root / service.dir))
        self._mode = service.env.mode or DEFAULT_MODE
        self._launch = launch(stack, service)

    def environment(self) -> Environment:
        """Files, `set`, port and inline variables, in the order in which they win."""
        given = given_values(self._stack, self._service, self._launch, self._inherited)
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
            mode=self._mode,
            variables=MappingProxyType(self._merged(loaded, given)),
            layers=loaded.layers,
            issues=loaded.issues,
            prefixes=loaded.prefixes,
            process=MappingProxyType(dict(self._inherited)),
        )

    def _load(self, given: Mapping[str, Value]) -> tuple[Loaded, str]:
        process = dict(self._inherited)
        process.update({name: value.text for name, value in given.items() if value.text is not None})
        declared = self._service.env.layers
        if not declared:
            declared = (EnvLayer(loader=defaults.loader(self._service)),)
        pins: list[str] = []
        whole = Loaded(variables={}, layers=())
        for layer in declared:
            pin = versions.choose(layer.loader, self._folder, self._files, self._node)
            pins.append(pin)
            request = LoadRequest(
                folder=self._folder,
                mode=self._mode,
                process=process,
                reader=self._files,
                files=self._paths(layer),
                override=layer.override,
            )
            loaded = self._load_vite(pin, request) if pin.startswith("vite") else loader(pin).load(request)
            whole = _stacked(whole, loaded)
            process.update(
                {name: value.text for name, value in whole.variables.items() if value.text is not None}
            )
        return whole, " + ".join(dict.fromkeys(pins))

    def _load_vite(self, pin: str, request: LoadRequest) -> Loaded:
        """With the folder and the prefixes that vite.config gives."""
        settings = vite_settings(self._folder, self._files)
        if settings.folder is None:
            request = replace(request, files=(), prefixes=settings.prefixes)
        else:
            request = replace(request, folder=settings.folder, prefixes=settings.prefixes)
        loaded = loader(pin).load(request)
        if not settings.undecided or settings.path is None:
            return loaded
        message = (
            f"{settings.path.name} computes `envDir` or `envPrefix`, so it is not known which files are read"
        )
        issue = LoadIssue(path=settings.path, line=None, kind="undecided", message=message)
        return replace(loaded, issues=(*loaded.issues, issue))

    def _paths(self, layer: EnvLayer) -> list[Path] | None:
        names: Iterable[str] | None = layer.files or self._service.env.files
        if not names:
            names = defaults.default_files(self._service)
        return None if names is None else [Path(os.path.normpath(self._folder / name)) for name in names]

    def _merged(self, loaded: Loaded, given: Mapping[str, Value]) -> dict[str, Value]:
        """File values with `given` where it won, and `given` names that no file declares."""
        merged = dict(loaded.variables)
        injects = defaults.inject(self._service)
        for name, value in given.items():
            found = merged.get(name)
            if found is None:
                merged[name] = value
            elif found.origin.layer is LayerKind.PROCESS:
                merged[name] = replace(
                    found, origin=value.origin, raw=value.raw, unknown=value.unknown or found.unknown
                )
            elif injects:
                merged[name] = replace(value, shadows=(_as_shadow(found), *found.shadows))
        return merged


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
                shadows=before.shadows + value.shadows,
            )
        else:
            losers = tuple(shadow for shadow in value.shadows if shadow.origin.layer is not LayerKind.PROCESS)
            merged[name] = replace(value, shadows=(*losers, _as_shadow(before), *before.shadows))
    return Loaded(
        variables=merged,
        layers=first.layers + second.layers,
        issues=first.issues + second.issues,
        prefixes=first.prefixes + second.prefixes,
    )


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
    if started is None:
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


def _declared(stack: Stack, text: str, key: str, layer: LayerKind) -> Value:
    spot = stack.spot(key)
    return Value(text=text, origin=Origin(layer=layer, path=stack.root / spot.path, line=spot.line), raw=text)
