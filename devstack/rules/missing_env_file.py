"""A file that a program names does not exist.

## Why it matters
`load_dotenv(".env.local")` and pydantic's `env_file` say nothing about a missing file: every variable in
it is undefined. `node --env-file` stops. On a fresh clone it is the usual reason why nothing works.

## Example
```
agent/agent.py:7   load_dotenv(".env.local")        # only agent/.env.example is there
```

## Mending
`devstack env sync` creates it from the example next to it. It is an error when needed values are missing
because of it, otherwise a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.files import normal
from devstack.records import dataclass
from devstack.rules.absence import absences, uncopied_example
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.envfiles import is_env_name, is_example
from devstack.rules.wording import named
from devstack.stack import defaults
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.env.model import Environment
    from devstack.env.source.model import SourceIndex
    from devstack.rules.inspection import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Missing:
    """A file that does not exist.

    Attributes:
        place: where it is named.
        example: what it can be copied from.
        lacking: variables that the service needs and does not find.
        stops: the program does not start without the file.
    """

    service: Service
    path: Path
    place: Location
    example: Path | None
    lacking: frozenset[str]
    stops: bool = False

    @property
    def is_error(self) -> bool:
        """Whether the service cannot work without it."""
        return bool(self.lacking) or self.stops


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per file."""
    for found in inspection.once(_missing):
        yield _finding(inspection, found)


def telling(inspection: Inspection) -> frozenset[str]:
    """Services that read nothing but files that do not exist: what they lack is told here, with the files."""
    names = {found.service.name for found in inspection.once(_missing) if found.is_error}
    return frozenset(name for name in names if not _has_files(inspection.environment(name)))


def _missing(inspection: Inspection) -> tuple[_Missing, ...]:
    """Each file once, however many services name it."""
    lacking: dict[str, set[str]] = {}
    for absence in absences(inspection):
        lacking.setdefault(absence.service, set()).update(absence.need.reference.names)
    found: dict[Path, _Missing] = {}
    for service in inspection.services:
        for each in _missing_of(inspection, service, frozenset(lacking.get(service.name, ()))):
            found.setdefault(each.path, each)
    return tuple(found.values())


def _missing_of(inspection: Inspection, service: Service, lacking: frozenset[str]) -> Iterator[_Missing]:
    for written, place in _named(inspection, service):
        path = normal(written)
        if inspection.files.stat(path) is not None or _stands_elsewhere(inspection, path.parent, lacking):
            continue  # `defined-where-not-read` says where
        example, stops = _example(inspection, path), _stops(inspection, service, path)
        is_optional = example is None and _has_files(inspection.environment(service.name))
        if lacking or stops or not is_optional:  # else one of several layers, and nothing is missing
            yield _Missing(
                service=service, path=path, place=place, example=example, lacking=lacking, stops=stops
            )
    uncopied = uncopied_example(inspection, service.name, lacking)
    if uncopied is not None:
        example, path = uncopied
        yield _Missing(
            service=service, path=path, place=inspection.at(path), example=example, lacking=lacking
        )


def _has_files(environment: Environment | None) -> bool:
    return environment is not None and any(layer.exists for layer in environment.layers)


def _named(inspection: Inspection, service: Service) -> Iterator[tuple[Path, Location]]:
    folder = inspection.folder(service)
    for name in service.env.files or ():
        yield Path(folder, name), inspection.at_key(f"services.{service.name}.env.files")
    if not defaults.starts(service):
        return  # a container; the sources around it are those of others
    index = inspection.sources(service.name)
    for place, paths in _called(inspection, service, index).items():
        if not any(inspection.files.stat(path) for path in paths):  # else they are the layers of one call
            yield paths[0], place
    environment = inspection.environment(service.name)
    for issue in () if environment is None else environment.issues:
        launch = inspection.launch(service.name)
        if issue.kind == "missing" and issue.fatal and launch is not None:
            yield issue.path, inspection.at_spot(launch.spot)  # `node --env-file`: the program does not start
    for settings in index.settings:
        base = (inspection.root / settings.path).parent if settings.beside_module else folder
        for name in () if settings.dynamic else settings.env_files:
            yield Path(base, name), inspection.at(settings.path, settings.line)


def _called(inspection: Inspection, service: Service, index: SourceIndex) -> dict[Location, list[Path]]:
    """Call → the files that it names."""
    found: dict[Location, list[Path]] = {}
    for call in () if service.env.files is not None else index.dotenv_calls:
        if call.file is not None and not call.dynamic and not call.upward:
            module = (inspection.root / call.path).parent
            base = module if call.beside_module else inspection.folder(service)
            path = normal(base / call.file)
            found.setdefault(inspection.at(call.path, call.line), []).append(path)
    return found


def _stands_elsewhere(inspection: Inspection, folder: Path, names: frozenset[str]) -> bool:
    """Whether another file of the folder defines what is missing."""
    for path in inspection.env_paths if names else ():
        if path.parent == folder and not is_example(path.name):
            file = inspection.env_file(path)
            if file is not None and names.intersection(entry.name for entry in file.assignments):
                return True
    return False


def _example(inspection: Inspection, path: Path) -> Path | None:
    for name in inspection.files.names(path.parent):
        if is_example(name) and (is_env_name(name) or "env" in name):
            return path.parent / name
    return None


def _finding(inspection: Inspection, found: _Missing) -> Finding:
    shown, example = inspection.shown(found.path), found.example
    effect = "whatever it should hold is undefined"
    if found.lacking:
        effect = f"variables it needs are undefined ({named(sorted(found.lacking))})"
    if found.stops:
        effect = "the program does not start"
    related = () if example is None else (inspection.at(example, note="the example to copy"),)
    return RULE.finding(
        f"`{found.service.name}` reads {shown}, which does not exist: {effect}.",
        found.place,
        *related,
        severity=Severity.ERROR if found.is_error else Severity.WARNING,
        service=found.service.name,
        hint="`devstack env sync` creates it from the example" if example else f"create {shown}",
    )


def _stops(inspection: Inspection, service: Service, path: Path) -> bool:
    environment = inspection.environment(service.name)
    issues = () if environment is None else environment.issues
    return any(issue.kind == "missing" and issue.fatal and issue.path == path for issue in issues)


RULE = Rule(id="DS514", name="missing-env-file", severity=Severity.WARNING, page=__doc__ or "", check=check)
