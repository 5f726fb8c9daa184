"""Packages of the repository itself that a service is built from: workspaces (npm, pnpm, yarn, bun, uv), paths.

They run inside the service's process, so what they load and fall back to counts for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack import foreign, regular
from devstack.env.files import normal
from devstack.patterns import regex
from devstack.stack import package, workspaces

_LOCAL = ("file:", "link:", "portal:")
_ALIAS = regex(r"""["'](@?[\w./-]+?)(?:/\*)?["']\s*:\s*\[\s*["']([^"']+?)(?:/\*)?["']""")
_EXTENDS = regex(r"""["']extends["']\s*:\s*["'](\.[^"']+)["']""")
_BASE = regex(r"""["']baseUrl["']\s*:\s*["']([^"']+)["']""")
_MOST = 200  # packages that one service is followed into


class Workspaces:
    """Looks up packages; each workspace is listed at most once."""

    def __init__(self) -> None:
        self._members: dict[Path, Mapping[str, Path]] = {}

    def packages(self, folder: Path) -> tuple[Path, ...]:
        """Folders of the packages that the one in `folder` depends on, directly or through each other."""
        start = normal(folder)
        found: dict[Path, None] = {}
        pending = [start]
        while pending and len(found) < _MOST:
            for each in self._direct(pending.pop()):
                if each not in found and each != start:
                    found[each] = None
                    pending.append(each)
        return tuple(found)

    def _direct(self, folder: Path) -> Iterator[Path]:
        yield from _python(folder)
        own = package.read(folder)
        if own is None or not own.dependencies:
            return
        top = workspaces.top(folder)
        if top is not None and top not in self._members:
            self._members[top] = workspaces.named(top)
        members = {} if top is None else self._members[top]
        for name, wanted in own.dependencies.items():
            if wanted.startswith(_LOCAL):
                yield normal(folder / wanted.partition(":")[2])
            elif name in members:
                yield members[name]


def aliases(folder: Path) -> Mapping[str, Path]:
    """Names under which tsconfig.json lets modules outside `folder` be imported, and the package that holds them."""
    found: dict[str, Path] = {}
    if not os.path.exists(f"{folder}/tsconfig.json"):  # noqa: PTH110 - as above
        return found
    config: Path | None = folder / "tsconfig.json"
    for _ in range(4):  # `extends`, upward
        text = None if config is None else _text(config)
        if config is None or text is None:
            break
        base = _BASE.search(text)
        start = config.parent / (base[1] if base else ".")
        for name, target in _ALIAS.findall(text):
            place = _owner(normal(start / target))
            if place is not None and not place.is_relative_to(folder) and not folder.is_relative_to(place):
                found.setdefault(name, place)
        further = _EXTENDS.search(text)
        config = None if further is None else _configuration(config.parent / further[1])
    return found


def _configuration(path: Path) -> Path:
    return path if path.suffix == ".json" else path.with_name(f"{path.name}.json")


def _owner(path: Path) -> Path | None:
    """The nearest folder upward that is a package or a library of its own, below the repository's root."""
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            break
        if (folder / "package.json").is_file() or (folder / "project.json").is_file():
            return folder
    return start if start.is_dir() else None


def _python(folder: Path) -> Iterator[Path]:
    """Packages that pyproject.toml takes from this repository: uv's sources, Poetry's path dependencies."""
    tool = _tool(folder)
    if not tool:
        return
    for name, source in _table(tool, "uv", "sources").items():
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            yield normal(folder / source["path"])
        elif isinstance(source, dict) and source.get("workspace") is True:
            yield from _uv_member(folder, name)
    groups = [group for group in _table(tool, "poetry", "group").values() if isinstance(group, dict)]
    for table in (
        _table(tool, "poetry", "dependencies"),
        *(_table(group, "dependencies") for group in groups),
    ):
        for source in table.values():
            if isinstance(source, dict) and isinstance(source.get("path"), str):
                yield normal(folder / source["path"])


def _uv_member(folder: Path, name: str) -> Iterator[Path]:
    wanted = flat(name)
    for here in (folder, *folder.parents):
        members = _table(_tool(here), "uv", "workspace").get("members")
        for pattern in members if isinstance(members, list) else ():
            for place in workspaces.expanded(here, str(pattern).rstrip("/").split("/")):
                if flat(place.name) == wanted or _project(place) == wanted:
                    yield place
                    return
        if members or (here / ".git").exists():
            return


def _project(folder: Path) -> str:
    return flat(str(_table(_pyproject(folder), "project").get("name", "")))


def flat(name: str) -> str:
    """A Python package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _tool(folder: Path) -> Mapping[str, object]:
    return _table(_pyproject(folder), "tool")


def _pyproject(folder: Path) -> Mapping[str, object]:
    if not os.path.exists(f"{folder}/pyproject.toml"):  # noqa: PTH110 - asked for each of thousands of services
        return {}
    return foreign.from_toml(_text(folder / "pyproject.toml"))


def _table(document: Mapping[str, object], *keys: str) -> Mapping[str, object]:
    here: object = document
    for key in keys:
        here = here.get(key) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else {}


def _text(path: Path) -> str | None:
    try:
        return regular.read(path).decode("utf-8-sig", "replace")
    except OSError:
        return None
