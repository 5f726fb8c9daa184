"""Which ports each service will listen on, and which line says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.env.source import jsconfig
from devstack.patterns import regex
from devstack.records import dataclass
from devstack.rules import listening, published
from devstack.rules.base import Location
from devstack.stack import pages, scripts
from devstack.stack.model import Service, ServiceType

if TYPE_CHECKING:
    from devstack.env.source.model import SourceRead
    from devstack.rules.inspection import Inspection
    from devstack.stack.launch import Launch

HELPER_ROLES = ("hmr", "inspect", "inspector", "debug")
_DEFAULT_INSPECT = 9229
_MODULE = regex(r"[\w./-]+\.(?:py|[cm]?[jt]s)")
_RUN_MODULES = ("node", "tsx", "ts-node", "nodemon", "python", "python3")


class Source(StrEnum):
    """What makes the claim."""

    STACK = "stack.toml"
    COMMAND = "command"
    COMPOSE = "compose file"
    CONFIG = "config"
    VARIABLE = "variable"
    FALLBACK = "fallback"
    LITERAL = "literal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A service will listen on `port`.

    Attributes:
        role: `main` or the further port's role.
        words: what a message calls it: "`-p 4000` of its command".
    """

    service: str
    port: int
    source: Source
    place: Location
    words: str
    role: str = "main"

    @property
    def is_helper(self) -> bool:
        """Whether it is the port of a tool (hot reload, inspector), not of the program itself."""
        return self.role in HELPER_ROLES


def claims(inspection: Inspection, service: Service) -> tuple[Claim, ...]:
    """Every claim of `service`, the declared ones first. Port 0 claims none: the system chooses a free one."""
    return inspection.once(_claims, service.name)


def _claims(inspection: Inspection, name: str) -> tuple[Claim, ...]:
    service = inspection.need_stack().services[name]
    if service.type is ServiceType.EXTERNAL:
        return ()
    if service.type is ServiceType.COMPOSE:
        return (*_declared(inspection, service), *_published(inspection, service))
    every = (
        *_declared(inspection, service),
        *_from_command(inspection, service),
        *_from_assignment(inspection, service),
        *_from_config(inspection, service),
        *_from_variables(inspection, service),
    )
    if all(claim.source is Source.STACK for claim in every):
        every += tuple(_from_module(inspection, service))
    return tuple(claim for claim in every if claim.port)


def undeclared_helpers(inspection: Inspection, service: Service) -> Iterator[Claim]:
    """Claims for tools that only the service's command or configuration makes; its sources are not read for them."""
    if service.type not in (ServiceType.EXTERNAL, ServiceType.COMPOSE):
        for claim in (*_from_command(inspection, service), *_from_config(inspection, service)):
            if claim.port and claim.is_helper:
                yield claim


def _declared(inspection: Inspection, service: Service) -> Iterator[Claim]:
    for port in service.all_ports:
        is_main = port.role == "main"
        words = "its declared port" if is_main else f"its declared `{port.role}` port"
        yield Claim(
            service=service.name,
            port=port.number,
            source=Source.STACK,
            place=inspection.at_port(service.name, port.role),
            words=words,
            role=port.role,
        )


def _published(inspection: Inspection, service: Service) -> Iterator[Claim]:
    """What the container publishes; the declared port first, so that it is what the others are compared with."""
    assert service.compose is not None
    found = sorted(published.ports(inspection, service), key=lambda each: each[0] != service.port)
    for number, line in found:
        yield Claim(
            service=service.name,
            port=number,
            source=Source.COMPOSE,
            place=inspection.at(inspection.root / service.compose.path, line),
            words=f"published by {service.compose.path}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWords:
    """One simple command of a service. `folder`: where it runs (after `cd X &&`), None where that is unknown."""

    words: tuple[str, ...]
    text: str
    place: Location
    folder: Path | None


def command_words(inspection: Inspection, service: Service) -> tuple[CommandWords, ...]:
    """The words of the service's command, and of the package.json script behind it; with their places."""
    return inspection.once(_command_words, service.name)


def _command_words(inspection: Inspection, service: str) -> tuple[CommandWords, ...]:
    launch = inspection.launch(service)
    if launch is None:
        return ()
    return tuple(
        CommandWords(words=step.words, text=step.text, place=place, folder=step.folder)
        for text, place, folder in _texts(inspection, launch)
        for step in pages.steps(text, folder)
    )


def _texts(inspection: Inspection, launch: Launch) -> Iterator[tuple[str, Location, Path]]:
    yield launch.command, inspection.at_spot(launch.spot), launch.cwd
    if launch.script is not None:
        place = inspection.at(launch.script.path, launch.script.line)
        yield launch.script.text, place, launch.script.path.parent


def _from_command(inspection: Inspection, service: Service) -> Iterator[Claim]:
    for one in command_words(inspection, service):
        words, place = one.words, one.place
        port = listening.told(scripts.tool(words))
        if port is not None:
            number, flag = port
            yield Claim(
                service=service.name,
                port=number,
                source=Source.COMMAND,
                place=place,
                words=f"`{flag}` of its command",
            )
        inspect = _inspect_flag(words)
        if inspect is not None:
            yield Claim(
                service=service.name,
                port=inspect,
                source=Source.COMMAND,
                place=place,
                words="the Node inspector of its command",
                role="inspect",
            )


def _from_assignment(inspection: Inspection, service: Service) -> Iterator[Claim]:
    launch = inspection.launch(service.name)
    text = launch.inline_env.get("PORT", "") if launch else ""
    if launch and text.isdecimal() and service.type is not ServiceType.VITE:
        yield Claim(
            service=service.name,
            port=int(text),
            source=Source.COMMAND,
            place=inspection.at_spot(launch.spot),
            words=f"`PORT={text}` before its command",
        )


def _from_module(inspection: Inspection, service: Service) -> Iterator[Claim]:
    """The number on which the module that the command runs listens, where it listens once."""
    for one in command_words(inspection, service):
        words = scripts.tool(one.words)
        module = next((word for word in words[1:] if _MODULE.fullmatch(word)), None)
        if one.folder is None or module is None or words[0] not in _RUN_MODULES:
            continue
        path = one.folder / module
        found = listening.written(inspection.read_text(path) or "", is_python=module.endswith(".py"))
        if found is not None:
            number, line = found
            yield Claim(
                service=service.name,
                port=number,
                source=Source.LITERAL,
                place=inspection.at(path, line),
                words=f"as {inspection.shown(path)}:{line} writes",
            )
            return


def _inspect_flag(words: tuple[str, ...]) -> int | None:
    for word in words:
        found = re.fullmatch(r"--inspect(?:-brk|-wait)?(?:=(?:[\w.\[\]:]*:)?(\d+)|=[\w.]+)?", word)
        if found:
            return int(found.group(1) or _DEFAULT_INSPECT)
    return None


def _from_config(inspection: Inspection, service: Service) -> Iterator[Claim]:
    if service.type is not ServiceType.VITE:
        return
    found = jsconfig.of(inspection.need_stack(), service, inspection.files)
    if found is None or "port" not in found[1]:
        return
    path, text = found
    own: int | None = None
    for literal in jsconfig.literals(text):
        if not literal.text.isdecimal():
            continue
        if literal.keys == ("server", "port"):
            own = int(literal.text)
            yield Claim(
                service=service.name,
                port=own,
                source=Source.CONFIG,
                place=inspection.at(path, literal.line),
                words=f"`server.port` of {path.name}",
            )
        elif literal.keys in (("server", "hmr", "port"), ("server", "ws", "port")):
            yield Claim(
                service=service.name,
                port=int(literal.text),
                source=Source.CONFIG,
                place=inspection.at(path, literal.line),
                words=f"`{'.'.join(literal.keys)}` of {path.name}",
                role="hmr",
            )


def own_port_names(service: Service) -> tuple[str, ...]:
    """Variables that by their name carry this service's own port, the most certain one first."""
    own = re.sub(r"[^A-Z0-9]", "_", service.name.upper())
    names = [service.port_env] if service.port_env else []
    return tuple(dict.fromkeys([*names, f"{own}_PORT", "PORT"]))


def _from_variables(inspection: Inspection, service: Service) -> Iterator[Claim]:
    """The variable that the service's own source reads for its port; page servers read none of them."""
    if service.type not in (ServiceType.NODE, ServiceType.PYTHON, ServiceType.COMMAND):
        return
    environment = inspection.environment(service.name)
    reads = [read for read in inspection.sources(service.name).reads if read.name]
    if environment is None:
        return
    for name in own_port_names(service):
        mine = [read for read in reads if read.name == name]
        value = environment.get(name) if mine else None
        if value is not None and value.unknown is None and value.text:
            if value.text.strip().isdecimal() and value.origin.layer is LayerKind.FILE:
                yield Claim(
                    service=service.name,
                    port=int(value.text),
                    source=Source.VARIABLE,
                    place=inspection.at_origin(value.origin, name),
                    words=f"`{name}={value.text.strip()}`, which {mine[0].path}:{mine[0].line} reads",
                )
            return
        default = _default(inspection, service, mine) if value is None else None
        if default is not None:
            yield default
            return


def _default(inspection: Inspection, service: Service, reads: list[SourceRead]) -> Claim | None:
    """The number that all these reads of one variable fall back to."""
    fallbacks = {read.fallback for read in reads if not read.otherwise}
    literal = next(iter(fallbacks), None)
    if len(fallbacks) != 1 or literal is None or not literal.isdecimal():
        return None
    first = reads[0]
    return Claim(
        service=service.name,
        port=int(literal),
        source=Source.FALLBACK,
        place=inspection.at(first.path, first.line, variable=first.name),
        words=f"the default of `{first.name}` in {first.path}:{first.line}",
    )
