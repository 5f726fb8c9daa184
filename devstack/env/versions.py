"""Which version of a program's env loader applies: as pinned, as installed, as locked, else the newest known.

Reads files only. `node --version` and `bun --version` are asked through a function that the caller gives, and only
where no file says anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack import foreign
from devstack.env.files import Files

Installed = Callable[[str], tuple[int, ...] | None]
"""Gives the version of a program that would be started by this name; None where there is none."""

# kind: (package, versions that are modelled, oldest first)
_PACKAGES: dict[str, tuple[str, tuple[int, ...]]] = {
    "next": ("next", (14, 15, 16)),
    "vite": ("vite", (5, 6, 7, 8)),
    "dotenv": ("dotenv", (16, 17, 18)),
    "dotenv-expand": ("dotenv-expand", (11, 12, 13, 1000)),
}
_NODES = (20, 22, 24)
# From these releases on, env files are read as by the last one of their line; none of 21 and 23 is so far.
_SETTLED = {20: (20, 19, 5), 21: (22,), 22: (22, 16), 23: (24,)}
_LATEST = 10**6  # of a version of which only the beginning is given
_BUNS = (2, 3, 4)  # of 1
_NEWER_UV = (0, 11, 17)


def choose(loader: str, folder: Path, files: Files, installed: Installed) -> str:
    """The full pin for `loader` (a kind, perhaps pinned) of a program in `folder`."""
    first, _, second = loader.partition("+")
    kind, _, pinned = first.partition("@")
    if kind == "node":
        return f"node@{pinned or node(folder, files, installed)}"
    if kind == "bun":
        return f"bun@{pinned or bun(folder, files, installed)}"
    if kind == "uv":
        return f"uv@{pinned or ('0.11' if (installed('uv') or _NEWER_UV) < _NEWER_UV else '0.12')}"
    if kind == "python-dotenv":
        return f"python-dotenv@{pinned or python_dotenv(folder, files)}"
    entry = _PACKAGES.get(kind)
    if entry is None:
        return kind
    package, modelled = entry
    version = pinned or str(nearest(major(package, folder, files), modelled))
    if kind == "vite" and int(version) >= 8:
        second = second or f"node@{node(folder, files, installed)}"
        return f"vite@{version}+{second}"
    return f"{kind}@{version}"


def nearest(found: int | None, modelled: tuple[int, ...]) -> int:
    """The newest modelled version that is not newer than `found`; the oldest one where all are."""
    if found is None:
        return modelled[-1]
    older = [version for version in modelled if version <= found]
    return older[-1] if older else modelled[0]


def major(package: str, folder: Path, files: Files) -> int | None:
    """The major version of an npm package as a program in `folder` finds it: node_modules, then lockfiles."""
    for place in _upward(folder, files.root):
        found = files.derive(_installed, package, place)
        if found is not None:
            return found
    return locked(package, folder, files)


def _installed(files: Files, package: str, place: str) -> int | None:
    text = _text(files, f"{place}/node_modules/{package}/package.json")
    found = None if text is None else re.search(r'"version"\s*:\s*"(\d+)\.', text)
    return None if found is None else int(found.group(1))


def locked(package: str, folder: Path, files: Files) -> int | None:
    """The major version of an npm package that the nearest lockfile or package.json names."""
    for place in _upward(folder, files.root):
        found = files.derive(_locked, package, place)
        if found is not None:
            return found
    return None


def _locked(files: Files, package: str, place: str) -> int | None:
    name = re.escape(package)
    patterns = {
        "package-lock.json": rf'"node_modules/{name}"\s*:\s*\{{[^{{}}]*?"version"\s*:\s*"(\d+)\.',
        "pnpm-lock.yaml": rf"(?m)^\s+'?/?{name}[@/](\d+)\.[^\n]*:",
        "yarn.lock": rf'(?m)^"?{name}@[^\n]*:\n\s+version:?\s+"?(\d+)\.',
        "bun.lock": rf'"{name}"\s*:\s*\[\s*"{name}@(\d+)\.',
        "package.json": rf'"{name}"\s*:\s*"[\^~>=v\s]*(\d+)(?:\.|"|\s)',
    }
    for lockfile, pattern in patterns.items() if files.may_hold(place, *patterns) else ():
        text = _text(files, f"{place}/{lockfile}")
        found = re.search(pattern, text) if text and package in text else None
        if found:
            return int(found.group(1))
    return None


def depends_on(package: str, folder: Path, files: Files) -> bool:
    """Whether the package.json of `folder` names `package` among its dependencies."""
    text = _text(files, f"{folder}/package.json")
    if text is None or package not in text:
        return False
    declared = foreign.from_json(text)
    tables = (
        (declared.get(key) for key in ("dependencies", "devDependencies"))
        if isinstance(declared, dict)
        else ()
    )
    return any(isinstance(table, dict) and package in table for table in tables)


def node(folder: Path, files: Files, installed: Installed) -> str:
    """`22`, or `22.12.0` where that release differs: as `.nvmrc` or its like says, else what is installed."""
    found = next(
        (one for place in _upward(folder, files.root) if (one := files.derive(_wanted_node, place))), ()
    )
    if len(found) < 3:  # the installed one, if it is such a one
        version = installed("node") or ()
        found = version if version[: len(found)] == found else (*found, _LATEST)
    if not found or found[0] < min(_SETTLED) or found >= _SETTLED.get(found[0], ()):
        return str(nearest(found[0] if found else None, _NODES))
    return ".".join(str(part) for part in found if part != _LATEST)


def _wanted_node(files: Files, place: str) -> tuple[int, ...] | None:
    version = r"v?(\d+(?:\.\d+){0,2})"
    patterns = {
        ".nvmrc": rf"\A\s*{version}",
        ".node-version": rf"\A\s*{version}",
        ".tool-versions": rf"(?m)^node(?:js)?\s+{version}",
    }
    found = _said(files, place, patterns)
    return None if found is None else tuple(int(part) for part in found.group(1).split("."))


def bun(folder: Path, files: Files, installed: Installed) -> str:
    """`1.2`, `1.3` or `1.4`: as the project says, else what is installed, else the newest."""
    for place in _upward(folder, files.root):
        wanted = files.derive(_wanted_bun, place)
        if wanted is not None:
            break
    else:
        wanted = (installed("bun") or ())[:2]
    minor = None if len(wanted) < 2 or wanted[0] > 1 else wanted[1] if wanted[0] else 0
    return f"1.{nearest(minor, _BUNS)}"


def _wanted_bun(files: Files, place: str) -> tuple[int, ...] | None:
    patterns = {
        ".bun-version": r"\A\s*v?(\d+)\.(\d+)",
        ".tool-versions": r"(?m)^bun\s+(\d+)\.(\d+)",
        "package.json": r'"packageManager"\s*:\s*"bun@(\d+)\.(\d+)',
    }
    found = _said(files, place, patterns)
    return None if found is None else (int(found.group(1)), int(found.group(2)))


def _said(files: Files, place: str, patterns: Mapping[str, str]) -> re.Match[str] | None:
    """What the first of some files says that holds its pattern."""
    for name, pattern in patterns.items() if files.may_hold(place, *patterns) else ():
        text = _text(files, f"{place}/{name}")
        found = re.search(pattern, text) if text else None
        if found:
            return found
    return None


def python_dotenv(folder: Path, files: Files) -> str:
    """`1.1` or `1.2`: the version in the project's virtual environment or its lockfile, else the newest."""
    for place in _upward(folder, files.root):
        version = files.derive(_python_version, place)
        if version is not None:
            return "1.1" if version < (1, 2) else "1.2"
    return "1.2"


def _python_version(files: Files, place: str) -> tuple[int, int] | None:
    for environment in (".venv", "venv") if files.may_hold(place, ".venv", "venv") else ():
        for python in files.names(f"{place}/{environment}/lib"):
            for name in files.names(f"{place}/{environment}/lib/{python}/site-packages"):
                matched = re.fullmatch(r"python_dotenv-(\d+)\.(\d+)[^-]*\.dist-info", name)
                if matched:
                    return int(matched.group(1)), int(matched.group(2))
    found = _said(files, place, _PYTHON_LOCKS)
    return None if found is None else (int(found.group(1)), int(found.group(2)))


_PYTHON_LOCKS = {
    "uv.lock": r'name = "python-dotenv"\nversion = "(\d+)\.(\d+)',
    "poetry.lock": r'name = "python-dotenv"\nversion = "(\d+)\.(\d+)',
    "pdm.lock": r'name = "python-dotenv"\nversion = "(\d+)\.(\d+)',
    "Pipfile.lock": r'"python-dotenv": \{[^{}]*"version": "==(\d+)\.(\d+)',
    "requirements.txt": r"(?mi)^python[-_.]dotenv(?:\[[^\]]*\])?\s*==\s*(\d+)\.(\d+)",
}


def _upward(folder: Path, root: Path) -> list[str]:
    """`folder` and the folders above it up to `root`; only `folder` where it lies outside."""
    here, top = str(folder), str(root)
    below = here.removeprefix(top)
    if here != top and not (below != here and (below.startswith(os.sep) or top.endswith(os.sep))):
        return [here]
    places = [here]
    while len(places[-1]) > len(top):
        places.append(os.path.dirname(places[-1]))  # noqa: PTH120 - asked for each of thousands of folders
    return places


def _text(files: Files, path: str) -> str | None:
    try:
        content = files.read(path)
    except OSError:
        return None
    return None if content is None else content.decode("utf-8", "replace")
