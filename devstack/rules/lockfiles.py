"""The versions that a lockfile gives the direct dependencies of one folder: npm, pnpm, yarn, bun, uv, poetry, pdm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.source.workspace import flat
from devstack.patterns import regex
from devstack.rules import packages, versions
from devstack.stack import package

if TYPE_CHECKING:
    from devstack.env.model import FileReader

_PYTHON = ("uv.lock", "poetry.lock", "pdm.lock")
_PACKAGE = regex(r'(?m)^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"')


def node(
    reader: FileReader, folder: Path, root: Path, wanted: Mapping[str, str]
) -> dict[str, versions.Version]:
    """Of the packages `wanted` (name → range) those that the lockfile of the folder's own manager knows."""
    manager = package.manager(folder, root)
    for place in packages.upward(folder, root):
        for name, owner in package.LOCKFILES:
            look = _READERS.get(name)
            text = _text(reader, place / name) if owner == manager and look is not None else None
            if text is not None and look is not None:
                own = folder.relative_to(place).as_posix()
                found = {one: versions.parse(version) for one, version in look(text, own, wanted).items()}
                return {one: version for one, version in found.items() if version is not None}
    return {}


def python(reader: FileReader, folder: Path, root: Path) -> dict[str, str]:
    """Normalised name → version, as the nearest lockfile says; names with several versions are left out."""
    for place in packages.upward(folder, root):
        for name in _PYTHON:
            text = _text(reader, place / name)
            if text is not None:
                listed = [(flat(one), version) for one, version in _PACKAGE.findall(text)]
                names = [one for one, _ in listed]
                return {one: version for one, version in listed if names.count(one) == 1}
    return {}


def _npm(text: str, own: str, wanted: Mapping[str, str]) -> dict[str, str]:
    listed = packages.parse_json(text).get("packages")
    found: dict[str, str] = {}
    for name in wanted if isinstance(listed, dict) else ():
        for key in (f"{own}/node_modules/{name}", f"node_modules/{name}"):
            entry = listed.get(key) if isinstance(listed, dict) else None
            if isinstance(entry, dict):
                if not entry.get("link"):
                    found[name] = str(entry.get("version", ""))
                break
    return found


def _pnpm(text: str, own: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """The importer's block; lockfiles of a single package have none, and stand for the folder itself."""
    block = (
        re.search(rf"(?m)^  '?{re.escape(own)}'?:\n((?:    .*\n|\n)*)", text)
        if "\nimporters:" in text
        else None
    )
    if block is None and ("\nimporters:" in text or own != "."):
        return {}
    listed = re.finditer(
        r"(?m)^ +'?([^\s':]+)'?:\n(?: +specifier: [^\n]*\n)? +version: '?([^\s'(]+)",
        block[1] if block else text,
    )
    return {found[1]: found[2] for found in listed if found[1] in wanted and found[2][0].isdigit()}


def _yarn(text: str, own: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Entries are headed by every `name@range` that they answer; workspaces share them."""
    found: dict[str, str] = {}
    for name, asked in wanted.items():
        for key in (f"{name}@{asked}", f"{name}@npm:{asked}"):
            entry = re.compile(rf'{re.escape(key)}(?=[",:])[^\n]*:\n  version:? "?([\w.+-]+)')
            at = text.find(key)
            while at >= 0 and name not in found:
                matched = entry.match(text, at) if text[at - 1 : at] in ("\n", '"', " ") else None
                if matched:
                    found[name] = matched[1]
                at = text.find(key, at + 1)
    return found


def _bun(text: str, own: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """One line a package; those that only one workspace has in another version are headed by its name."""
    workspace = re.search(rf'"{re.escape(own)}": \{{\s*"name": "([^"]+)"', text)
    found: dict[str, str] = {}
    for name in wanted:
        for key in ([f"{workspace[1]}/{name}"] if workspace else []) + [name]:
            matched = re.search(rf'\n\s*"{re.escape(key)}": \["{re.escape(name)}@(\d[^"]*)"', text)
            if matched:
                found[name] = matched[1]
                break
    return found


_READERS: dict[str, Callable[[str, str, Mapping[str, str]], dict[str, str]]] = {
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "pnpm-lock.yaml": _pnpm,
    "yarn.lock": _yarn,
    "bun.lock": _bun,
}


def _text(reader: FileReader, path: Path) -> str | None:
    try:
        content = reader.read(path)
    except OSError:
        return None
    return None if content is None else content.decode("utf-8", "replace").replace("\r\n", "\n")


def installed_python(names: Iterable[str]) -> dict[str, str]:
    """Normalised name → version, from the names of `site-packages`."""
    found = (re.fullmatch(r"(.+?)-([^-]+)\.dist-info", name) for name in names)
    return {flat(one[1]): one[2] for one in found if one}
