"""Find, read and check stack.toml; the only way to get a `Stack`.

`load` gives the whole truth or every mistake at once. `load_tolerant` gives what can be used of a file with
mistakes: the keys that are wrong are left out, everything else stands.
"""

from __future__ import annotations

import codecs
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from devstack import regular
from devstack.errors import Problem, StackFileError
from devstack.records import dataclass
from devstack.stack import build, check, positions, schema
from devstack.stack.model import Distinct, Spot, Stack
from devstack.stack.procfile import Procfile, parse
from devstack.stack.prune import Remaining
from devstack.stack.validation import Fault, Loc, validate

NAME = "stack.toml"
MAX_BYTES = 1_000_000
_ROUNDS = 20  # taking out one wrong key can make another one missing; each round goes one level up


def find(start: Path) -> Path:
    """The nearest stack.toml upward from `start`, never above the git root. Raises StackFileError."""
    folder = start.absolute()
    for candidate in (folder, *folder.parents):
        path = candidate / NAME
        if os.path.lexists(path):
            return path
        if (candidate / ".git").exists():
            break
    raise StackFileError(
        f"no {NAME} in {shown(folder) or '.'} or the folders above it",
        hint="`devstack init` writes one for this repository",
    )


def load(path: Path) -> Stack:
    """The stack that `path` declares. Raises StackFileError with every mistake."""
    stack, problems = load_tolerant(path)
    if problems or stack is None:
        count = len(problems)
        raise StackFileError(
            f"{shown(path)} has {count} mistake{'s' if count != 1 else ''}",
            problems=problems,
            hint="`devstack schema` describes every key",
        )
    return stack


def load_tolerant(path: Path) -> tuple[Stack | None, tuple[Problem, ...]]:
    """What can be used of the file, and every mistake in it. Never raises for what the file says."""
    path = path.absolute()
    try:
        text = _read(path)
    except StackFileError as error:
        return None, error.problems
    return load_text(path, text)


def load_text(
    path: Path, text: str, procfile: Procfile | None = None
) -> tuple[Stack | None, tuple[Problem, ...]]:
    """As `load_tolerant`, for a content (and a Procfile) that is not yet written at the absolute `path`."""
    try:
        raw = _parse(path, text)
    except StackFileError as error:
        return None, error.problems
    lines = _Lines(path, positions.index(text))
    remaining = Remaining(raw)
    tables, faults = _shape(remaining)
    if tables is None:
        return None, tuple(sorted(lines.problems(faults), key=lambda one: one.line or 0))
    elsewhere: tuple[Problem, ...] = ()
    if procfile is None:
        procfile, elsewhere = _procfile(path, tables, lines)
    declared = check.Declared(tables, _names(raw, "services"), _names(raw, "shared"), procfile)
    tables, found = _meaning(remaining, tables, declared)
    wrong = {fault.loc for fault in faults}
    faults += [one for one in found if not any(loc[: len(one.loc)] == one.loc for loc in wrong)]
    stack = None if tables is None else _stack(path, tables, lines, procfile)
    problems = (*lines.problems(faults), *elsewhere)
    own = shown(path)
    return stack, tuple(sorted(problems, key=lambda one: (one.path != own, one.line or 0)))


def shown(path: Path) -> str:
    """`path` as people see it: relative to the current folder where that is short."""
    try:
        relative = os.path.relpath(path)
    except FileNotFoundError:  # somebody removed the current folder
        return str(path)
    return str(path) if Path(relative).parts[:3] == ("..", "..", "..") else relative


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            raise _whole(path, "is a folder, not a file")
        if path.stat().st_size > MAX_BYTES:
            raise _whole(path, f"is larger than {MAX_BYTES // 1000} kB: not a {NAME}")
        content = regular.read(path)
    except FileNotFoundError:
        raise _whole(path, "does not exist") from None
    except OSError as error:
        raise _whole(path, f"cannot be read: {error.strerror or error}") from None
    if b"\0" in content:
        raise _whole(path, "is a binary file, not TOML")
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _whole(path, "is not UTF-8 text", line) from None
    if not text.strip():
        raise _whole(path, "is empty: declare at least one service, [services.web]")
    return text.replace("\r\n", "\n")


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line = _syntax(str(error), text)
        raise _whole(path, f"not valid TOML: {message}", line) from None
    except RecursionError:
        raise _whole(path, "is nested too deeply") from None


def _syntax(message: str, text: str) -> tuple[str, int | None]:
    """tomllib's sentence without its position, and the line of it."""
    sentence, _, position = message.rpartition(" (at ")
    if position.startswith("end of document"):
        return sentence, max(1, len(text.splitlines()))
    digits = position.removeprefix("line ").split(",")[0]
    return (sentence, int(digits)) if digits.isdigit() else (message, None)


def _whole(path: Path, message: str, line: int | None = None) -> StackFileError:
    problem = Problem(path=shown(path), line=line, key="", message=message)
    return StackFileError(f"{problem.path} {message}", problems=[problem])


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where keys stand."""

    path: Path
    index: Mapping[positions.Path, int]

    def line(self, loc: Loc) -> int:
        """The line of `loc`, or of the nearest table around it."""
        while loc and loc not in self.index:
            loc = loc[:-1]
        return self.index.get(loc, 1)

    def problems(self, faults: Iterable[Fault]) -> tuple[Problem, ...]:
        """Faults as problems."""
        return tuple(
            Problem(
                path=shown(self.path),
                line=self.line(fault.loc),
                key=dotted(fault.loc),
                message=fault.message,
                suggestion=fault.suggestion,
            )
            for fault in faults
        )


class _Spots(Mapping[str, Spot]):
    """Every key's place, for findings; of tens of thousands in a large file few are ever asked for."""

    def __init__(self, lines: _Lines, elsewhere: Mapping[str, Spot]) -> None:
        """`elsewhere` are keys that another file declares."""
        self._path = lines.path.name  # relative to the stack's root
        self._lines = {dotted(loc): line for loc, line in lines.index.items()}
        self._elsewhere = elsewhere

    def __getitem__(self, key: str) -> Spot:
        found = self._elsewhere.get(key)
        return Spot(path=self._path, line=self._lines[key], key=key) if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter({**self._lines, **self._elsewhere})

    def __len__(self) -> int:
        return len({**self._lines, **self._elsewhere})

    def __contains__(self, key: object) -> bool:
        return key in self._lines or key in self._elsewhere


def dotted(loc: Loc) -> str:
    """`services.web.port`, `links.0.from`."""
    return ".".join(map(str, loc))


def _shape(remaining: Remaining) -> tuple[dict[str, Any] | None, list[Fault]]:
    """The tables without what is wrong in shape, which is taken out of `remaining`, and what that is."""
    first: list[Fault] = []
    for round_ in range(_ROUNDS):
        tables, faults = validate(schema.StackTable, remaining.data)
        if not round_:
            first = faults
            if not faults and not tables["services"]:
                return None, [Fault(("services",), "declares no service: add [services.web]")]
        if not faults:
            return tables, first
        remaining.drop(fault.loc for fault in faults)
    return None, first


def _meaning(
    remaining: Remaining, tables: dict[str, Any], declared: check.Declared
) -> tuple[dict[str, Any] | None, list[Fault]]:
    """The tables without what makes no sense, and what that is.

    Reported is what is wrong with everything the file names. Then it is looked at again with what is left,
    because what refers to a table with mistakes has to go with it.
    """
    first = [Fault(remaining.original(one.loc), one.message, one.suggestion) for one in check.check(declared)]
    left: dict[str, Any] | None = tables
    for _ in range(_ROUNDS):
        if left is None or not left["services"]:
            break
        names, groups = _names(left, "services"), _names(left, "shared")
        found = check.check(check.Declared(left, names, groups, declared.procfile))
        if not found:
            return left, first
        remaining.drop(fault.loc for fault in found)
        left, _unused = _shape(remaining)
    return None, first


def _names(data: Mapping[str, Any], section: str) -> tuple[str, ...]:
    table = data.get(section)
    return tuple(table) if isinstance(table, dict) else ()


def _procfile(
    path: Path, tables: Mapping[str, Any], lines: _Lines
) -> tuple[Procfile | None, tuple[Problem, ...]]:
    """The Procfile that the file names, and what is wrong with it."""
    name = tables.get("procfile")
    if name is None:
        return None, ()
    there = path.parent / name
    try:
        procfile = parse(there)
    except FileNotFoundError:
        return None, lines.problems([Fault(("procfile",), f'"{name}" does not exist')])
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        return None, lines.problems([Fault(("procfile",), f'"{name}" {reason}')])
    return procfile, tuple(
        Problem(path=shown(there), line=line, key="", message=message) for line, message in procfile.mistakes
    )


def _stack(path: Path, tables: Mapping[str, Any], lines: _Lines, procfile: Procfile | None) -> Stack:
    elsewhere: dict[str, Spot] = {}
    services = {}
    for name, table in tables["services"].items():
        entry = procfile.entries.get(name) if procfile else None
        if entry is not None and "command" not in table:
            table = {**table, "command": entry.command}
            key = f"services.{name}.command"
            elsewhere[key] = Spot(path=tables["procfile"], line=entry.line, key=name)
        services[name] = build.service(name, table)
    shared = {name: build.shared(name, table) for name, table in tables.get("shared", {}).items()}
    return Stack(
        name=tables.get("name") or path.parent.name or "stack",
        path=path,
        root=path.parent,
        services=MappingProxyType(services),
        shared=MappingProxyType(shared),
        distinct=tuple(Distinct(members=tuple(one["members"])) for one in tables.get("distinct", ())),
        links=tuple(build.link(one) for one in tables.get("links", ())),
        origins=tuple(build.origins(one) for one in tables.get("origins", ())),
        doctor=build.doctor(tables.get("doctor", {})),
        procfile=tables.get("procfile"),
        spots=_Spots(lines, elsewhere),
        settings=MappingProxyType(dict(tables.get("devstack", {}))),
    )
