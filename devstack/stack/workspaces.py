"""Workspaces of npm, yarn, bun and pnpm: their packages, and which of them a command is about."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack import regular
from devstack.patterns import regex
from devstack.stack import package

_PNPM_ENTRY = regex(r"""^\s*-\s*['"]?([^'"#\n]+?)['"]?\s*(?:#.*)?$""", re.M)
_INLINE = regex(r"^packages:\s*\[([^\]]*)\]", re.M)
_FOREIGN = frozenset({"node_modules", "dist", "build", ".git", ".next", ".turbo"})
_FLAGS = ("--filter", "-F", "-w", "--workspace", "workspace")


def chosen(words: tuple[str, ...], folder: Path) -> tuple[tuple[str, ...], Path] | None:
    """`pnpm --filter web dev` as `pnpm dev`, with the folder of `web`; None where not one package is meant."""
    for index, word in enumerate(words):
        flag, equals, wanted = word.partition("=")
        if flag not in _FLAGS or (flag == "-w" and words[0] == "pnpm"):  # pnpm's -w is the root itself
            continue
        if not equals:
            wanted = words[index + 1] if index + 1 < len(words) else ""
        place = _member(wanted, folder)
        rest = (*words[:index], *words[index + (1 if equals else 2) :])
        return None if place is None else (rest, place)
    return None


def _member(wanted: str, folder: Path) -> Path | None:
    """The package of this name, or in this folder; None for patterns, several packages and unknown names."""
    root = top(folder)
    if root is None or not wanted:
        return None
    found = named(root).get(wanted)
    path = Path(os.path.normpath(root / wanted.removeprefix("{").removesuffix("}")))
    is_path = found is None and "/" in wanted and "*" not in wanted
    return path if is_path and (path / "package.json").is_file() else found


def top(folder: Path) -> Path | None:
    """The nearest folder upward that declares a workspace; None above the repository's root."""
    for here in (folder, *folder.parents):
        if (here / "pnpm-workspace.yaml").is_file():
            return here
        own = package.read(here)
        if own is not None and own.workspaces:
            return here
        if (here / ".git").exists():
            break
    return None


def named(root: Path) -> Mapping[str, Path]:
    """Name → folder of every package of a workspace."""
    own = package.read(root)
    pnpm = _text(root / "pnpm-workspace.yaml") or ""
    found: dict[str, Path] = {}
    inline = _INLINE.search(pnpm)
    listed = _PNPM_ENTRY.findall(pnpm) if inline is None else re.findall(r"[^\s'\",]+", inline[1])
    for pattern in (*(own.workspaces if own else ()), *listed):
        if pattern.startswith(("!", "/", "..")):
            continue
        for folder in expanded(root, pattern.removeprefix("./").rstrip("/").split("/")):
            each = package.read(folder)
            if each is not None and each.name:
                found.setdefault(each.name, folder)
    return found


def expanded(folder: Path, steps: list[str], depth: int = 4) -> Iterator[Path]:
    """Folders that a workspace pattern means; `**` goes a few levels down."""
    if not steps:
        yield folder
        return
    step, rest = steps[0], steps[1:]
    if step == "**":
        yield from expanded(folder, rest)
        if depth:
            for each in _folders(folder):
                yield from expanded(each, steps, depth - 1)
    elif "*" in step:
        pattern = re.compile(re.escape(step).replace(r"\*", ".*"))
        for each in _folders(folder):
            if pattern.fullmatch(each.name):
                yield from expanded(each, rest)
    elif (folder / step).is_dir():
        yield from expanded(folder / step, rest)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(e.path) for e in entries if e.name not in _FOREIGN and e.is_dir())
    except OSError:
        return []


def _text(path: Path) -> str | None:
    try:
        return regular.read(path).decode("utf-8-sig", "replace")
    except OSError:
        return None
