"""Needed variables that give their reader nothing, and where the value might be instead. Shared by rules."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract import links, proxies
from devstack.contract.members import Effective, Provenance
from devstack.contract.needs import Need, needs
from devstack.env.file_names import is_env_name, is_example, without_example_words
from devstack.env.model import LayerKind
from devstack.nearest import is_one_slip
from devstack.patterns import regex
from devstack.records import dataclass
from devstack.rules import evidence
from devstack.rules.base import Location
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

# Folders that hold no settings of the service itself.
SKIPPED_FOLDERS = frozenset(
    (
        *("node_modules", ".git", ".venv", "venv", "dist", "build", "out", ".next", ".turbo", ".devstack"),
        *("coverage", "target", "vendor", "__pycache__", "tests", "test", "__tests__", "fixtures", "e2e"),
        *("__fixtures__", "examples", "example", "templates", "template", "docs", ".github", ".vscode"),
    )
)
_IS_PATH = regex(r"$|/(?!/)")
_PACKAGE_MARKS = ("package.json", "pyproject.toml", "Cargo.toml", "go.mod", "requirements.txt", "Gemfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A need whose variable is unset or empty; `effective` tells what the code does then."""

    need: Need
    effective: Effective

    @property
    def service(self) -> str:
        """The reading service."""
        return self.need.reference.service

    @property
    def name(self) -> str:
        """The variable to set: the empty one, else the first."""
        return self.effective.name or self.need.reference.name

    @property
    def is_empty(self) -> bool:
        """Set to nothing, rather than not set."""
        return self.effective.value is not None and self.effective.value.text == ""


def absences(inspection: Inspection) -> tuple[Absence, ...]:
    """Every need that ends in nothing or in a fallback of the source."""
    return inspection.once(_absences)


def _absences(inspection: Inspection) -> tuple[Absence, ...]:
    found: list[Absence] = []
    stack = inspection.need_stack()
    for need in needs(stack):
        if need.reference.service not in stack.services:
            continue
        effective = inspection.contract.effective(need.reference)
        is_absent = effective.provenance is not Provenance.ENVIRONMENT or effective.text == ""
        if effective.is_known and is_absent and not _stays_with_page(inspection, need):
            found.append(Absence(need=need, effective=effective))
    return tuple(found)


def _stays_with_page(inspection: Inspection, need: Need) -> bool:
    """Whether the code then asks the page's own server (`|| ''`, `?? '/api'`), which hands requests on."""
    link = need.link
    service = inspection.need_stack().services[need.reference.service]
    if link is None or service.type not in FRONTENDS:
        return False
    reads = [read for read in inspection.sources(service.name).reads if read.name in need.reference.names]
    paths = {read.fallback for read in reads}
    if not all(path is not None and _IS_PATH.match(path) for path in paths) or not reads:
        return False
    target = links.Target(service=link.to, role=link.role)
    return all(proxies.hands_on(inspection.contract, service, path or "", target) for path in paths)


def fallback_serves(inspection: Inspection, absence: Absence) -> bool:
    """Whether the literal that the code uses instead is as good: it reaches the target, or equals the others."""
    effective, need = absence.effective, absence.need
    if effective.provenance is not Provenance.FALLBACK:
        return False
    if need.link is not None:
        index = inspection.need_stack().links.index(need.link)
        return links.judge(index, need.link, effective, inspection.contract).reaches
    if need.shared is None or need.shared.secret:
        return False
    others = [
        other
        for other in inspection.contract.effective_all(need.shared.members)
        if other.member != effective.member and other.is_known and other.text
    ]
    stack = inspection.need_stack()
    return bool(others) and all(
        links.is_same_endpoint(effective.text or "", other.text or "", stack) for other in others
    )


def misspelling(inspection: Inspection, absence: Absence) -> tuple[str, Location] | None:
    """A variable of the same service whose name is one slip away from the needed one."""
    environment = inspection.environment(absence.service)
    if environment is None:
        return None
    wanted = set(absence.need.reference.names)
    claimed = {
        name
        for need in needs(inspection.need_stack())
        if need.reference.service == absence.service
        for name in need.reference.names
    }
    for name, value in environment.variables.items():
        if name in claimed or value.origin.layer is not LayerKind.FILE or not value.text:
            continue
        if any(is_one_slip(name, each) for each in wanted):
            return name, inspection.at_origin(value.origin, name)
    return None


def elsewhere(inspection: Inspection, service: str, names: tuple[str, ...]) -> tuple[Location, ...]:
    """Definitions of one of `names` in files that could be meant for `service`, but that it never reads."""
    found = []
    for path in unread_files(inspection, inspection.need_stack().services[service]):
        file = inspection.env_file(path)
        for each in () if file is None else file.assignments:
            if each.name in names and each.raw.strip("\"' "):
                found.append(inspection.at(path, each.line, variable=each.name))
                break
    return tuple(found)


def unread_files(inspection: Inspection, service: Service) -> tuple[Path, ...]:
    """Env files in the service's folder, the folders around it and inside it that its program does not read.

    Another service's own file is not meant for this one; a file of a folder that holds both may be.
    """
    environment = inspection.environment(service.name)
    read = {os.path.realpath(layer.path) for layer in (() if environment is None else environment.layers)}
    folder = Path(os.path.normpath(inspection.folder(service)))
    root = Path(os.path.normpath(inspection.root))
    around = [folder, *(each for each in folder.parents if each == root or root in each.parents)]
    owned = {
        os.path.normpath(inspection.folder(other))
        for other in inspection.services
        if other.name != service.name
    } - {str(each) for each in around}
    candidates = [
        path for each in (*around, *_inner_folders(folder)) if str(each) not in owned for path in _named(each)
    ]
    return tuple(path for path in candidates if os.path.realpath(path) not in read)


def _inner_folders(folder: Path) -> tuple[Path, ...]:
    """Folders up to two levels below that are no packages of their own."""
    found: list[Path] = []
    frontier = [(folder, 0)]
    while frontier and len(found) < 200:
        here, depth = frontier.pop()
        for each in _folders(here):
            if not any((each / mark).is_file() for mark in _PACKAGE_MARKS):
                found.append(each)
                if depth < 1:
                    frontier.append((each, depth + 1))
    return tuple(found)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name not in SKIPPED_FOLDERS and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def _named(folder: Path) -> list[Path]:
    """Env files of one folder, without examples and files of test runs."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if is_env_name(entry.name) and entry.is_file())
    except OSError:
        return []
    return [
        folder / name
        for name in names
        if not is_example(name) and not {"test", "vault", "keys", "ci"}.intersection(name.split("."))
    ]


def to_do(inspection: Inspection, group: list[Absence], todo: str) -> str:
    """`todo` by hand, with the command that does it instead, but only where it will."""
    need, stack = group[0].need, inspection.need_stack()
    if need.link is not None and stack.services[need.link.to].port is not None:
        return f"{todo}, or let `devstack env sync` write the address"
    if need.shared is not None and len(group) == len(need.shared.members):
        return f"`devstack env set {need.shared.name}` gives all its readers one value"
    if need.shared is not None:
        return f"{todo}, or let `devstack env sync` copy what the other readers have"
    if any(examples(inspection, group[0].service, need.reference.names)):
        return f"{todo}; `devstack env sync` adds it from the example"
    return todo


def examples(inspection: Inspection, service: str, names: Iterable[str]) -> Iterator[Path]:
    """Examples beside the files that a service reads, or would read, which hold one of `names`."""
    environment, wanted = inspection.environment(service), set(names)
    folders = dict.fromkeys(
        layer.path.parent for layer in (() if environment is None else environment.layers)
    )
    for folder in folders:
        for name in inspection.files.names(folder):
            file = inspection.env_file(folder / name) if is_example(name) and "env" in name else None
            if file is not None and not wanted.isdisjoint(each.name for each in file.assignments):
                yield folder / name


def uncopied_example(inspection: Inspection, service: str, names: Iterable[str]) -> tuple[Path, Path] | None:
    """(example, the file to make of it) where a service has no env file yet and its example holds one of `names`."""
    environment = inspection.environment(service)
    layers = () if environment is None else environment.layers
    example = (
        None if any(layer.exists for layer in layers) else next(examples(inspection, service, names), None)
    )
    if example is None:
        return None
    paths = [layer.path for layer in layers]
    usual = [example.with_name(name) for name in (without_example_words(example.name), ".env.local", ".env")]
    return example, next((path for path in usual if path in paths), paths[-1])


def is_lost_line(inspection: Inspection, service: str, names: Iterable[str]) -> bool:
    """Whether a file that the program reads holds one of `names` on a line, or in a form, that it cannot take.

    `syntax`, `encoding`, `loader-crash` and their like name that line.
    """
    environment = inspection.environment(service)
    wanted = {name for name in names if environment is not None and environment.get(name) is None}
    for layer in () if environment is None or not wanted else environment.layers:
        file = inspection.env_file(layer.path) if layer.exists else None
        if file is not None and any(each.name in wanted for each in file.assignments):
            return True
    return False


def where_missing(inspection: Inspection, absence: Absence) -> Location:
    """The place to mend an absence: the empty line, else the file in which it belongs."""
    if absence.is_empty and absence.effective.value is not None:
        return inspection.at_origin(absence.effective.value.origin, absence.name)
    return evidence.where_to_set(inspection, absence.service, absence.name)
