"""package.json: its scripts, and which package manager a folder uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from devstack import regular
from devstack.records import dataclass, field

LOCKFILES = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
    ("bun.lockb", "bun"),  # templates bring an old one, which npm's users leave where it is
)
MANAGERS = ("npm", "pnpm", "yarn", "bun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What a package.json says, as far as starting and detecting need it.

    Attributes:
        path: absolute.
        dependencies: all kinds of dependencies, name → range.
        lines: script name → 1-based line.
        workspaces: glob patterns of npm, yarn and bun workspaces.
        is_command: it has a `bin`.
    """

    path: Path
    name: str = ""
    scripts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    dependencies: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    workspaces: tuple[str, ...] = ()
    manager: str | None = None
    is_command: bool = False


def read(folder: Path) -> Package | None:
    """The package of `folder`; None when there is none, or when it is not readable JSON."""
    path = f"{folder}/package.json"
    try:
        facts = os.stat(path)  # noqa: PTH116 - asked several times for each of thousands of folders
    except (OSError, ValueError):
        return None
    return _read(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)


@lru_cache(maxsize=16384)
def _read(file: str, *_: int) -> Package | None:
    """The package in `file` as long as the file is the same."""
    import json

    path = Path(file)
    try:
        text = regular.read(path).decode("utf-8-sig")
        data = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    scripts = _texts(data.get("scripts"))
    dependencies: dict[str, str] = {}
    for kind in ("peerDependencies", "optionalDependencies", "devDependencies", "dependencies"):
        dependencies |= _texts(data.get(kind))
    return Package(
        path=path,
        name=str(data.get("name") or ""),
        scripts=scripts,
        dependencies=dependencies,
        lines=_script_lines(text, scripts),
        workspaces=_workspaces(data.get("workspaces")),
        manager=_declared_manager(data.get("packageManager")),
        is_command=bool(data.get("bin")),
    )


def is_workspace(folder: Path) -> bool:
    """Whether `folder` is the root of an npm, yarn, bun or pnpm workspace."""
    own = read(folder)
    return bool(own and own.workspaces) or (folder / "pnpm-workspace.yaml").is_file()


def manager(folder: Path, root: Path) -> str:
    """The package manager of `folder`: `packageManager` or a lockfile, upward to `root`; else npm."""
    top = root if folder.is_relative_to(root) else folder
    here = folder
    while True:
        package = read(here)
        if package is not None and package.manager is not None:
            return package.manager
        for name, which in LOCKFILES:
            if os.path.exists(f"{here}/{name}"):  # noqa: PTH110 - asked for each of thousands of services
                return which
        if here == top or here == here.parent:
            return "npm"
        here = here.parent


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(key): text for key, text in value.items() if isinstance(text, str)}


def _workspaces(value: object) -> tuple[str, ...]:
    if isinstance(value, dict):
        value = value.get("packages")
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _declared_manager(value: object) -> str | None:
    name = value.partition("@")[0] if isinstance(value, str) else None
    return name if name in MANAGERS else None


def _script_lines(text: str, scripts: Mapping[str, str]) -> dict[str, int]:
    """The line of each script: the first line after `"scripts"` that holds its key."""
    import json

    start = text.find('"scripts"')
    lines = {}
    for name in scripts:
        at = text.find(f"{json.dumps(name, ensure_ascii=False)}", start + len('"scripts"'))
        if at >= 0:
            lines[name] = text.count("\n", 0, at) + 1
    return lines
