"""Where scripts and commands hand an env file to a shell."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.lines import split
from devstack.patterns import regex
from devstack.rules.base import Location
from devstack.rules.envfiles import is_env_name
from devstack.stack import package

if TYPE_CHECKING:
    import re

    from devstack.rules.inspection import Inspection

_SOURCES = regex(
    r"(?:^|[;&|(\s\"'@`])(?:source|\.)\s+[\"']?(?P<file>[\w./-]*\.?env[\w.-]*)[\"']?(?=$|[\s;&|)\"'`])"
)
# `export $(cat .env | xargs)`, `env $(grep -v '^#' .env) cmd`: the shell splits the text at every space.
SPLITS = regex(
    r"(?:^|[;&|(\s\"'@])(?:export|env|declare\s+-x)\s[^\n;&|]*?(?:\$\$?\(|`)[^)`\n]*?(?P<file>[\w./-]*\.?env[\w.-]*)[^)`\n]*[)`]"
)
# `eval $(cat .env)`, `eval "$(sed 's/^/export /' .env)"`: the shell reads the text, quotes and all.
EVALUATES = regex(
    r"(?:^|[;&|(\s\"'@])eval\s[^\n;&|$`]*(?:\$\$?\(|`)(?:[^)`\n]*[\s<])?(?P<file>[\w./-]*\.?env[\w.-]*)[^)`\n]*[)`]"
)
_LARGEST = 200_000  # bytes of a script
_SCRIPT_FOLDERS = ("", "scripts", "bin", "script")
_SCRIPT_NAMES = (
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Justfile",
    "Procfile",
    "Procfile.dev",
    ".envrc",
)


def sourced(
    inspection: Inspection, scripts: Sequence[tuple[Path, str]]
) -> Iterator[tuple[Path, Location, str]]:
    """File, where it is sourced, and the text that does it."""
    for script, text in scripts:
        for number, line in enumerate(split(text), start=1):
            if line.lstrip().startswith(("#", "//")):
                continue
            for found in _found(line):
                for path, place in target(inspection, script, number, found["file"]):
                    yield path, place, found.group()
    for service in inspection.services:
        launch = inspection.launch(service.name)
        for found in _found(launch.command if launch else ""):
            path = inspection.folder(service) / found["file"]
            if launch is not None and inspection.files.is_file(path):
                yield path, inspection.at_spot(launch.spot), found.group()


def _found(line: str) -> Iterator[re.Match[str]]:
    yield from _SOURCES.finditer(line)
    if "$(" in line or "`" in line:
        yield from EVALUATES.finditer(line)
        yield from (found for found in SPLITS.finditer(line) if not EVALUATES.search(line))


def target(inspection: Inspection, script: Path, number: int, name: str) -> Iterator[tuple[Path, Location]]:
    """The env file that line `number` of a script names, and the place of that; nothing where there is no such file."""
    if not is_env_name(Path(name).name):
        return
    for folder in (script.parent, inspection.root):
        path = Path(os.path.normpath(folder / name))
        if inspection.files.is_file(path):
            yield path, inspection.at(script, number, note="sources it")
            return


def scripts(inspection: Inspection) -> Iterator[tuple[Path, str]]:
    """Shell scripts, makefiles, Procfiles and package.json of the services and the root, each with its text.

    Of a package.json the text is its scripts, each on its line.
    """
    folders = dict.fromkeys(
        [inspection.root, *(inspection.folder(service) for service in inspection.services)]
    )
    for top in folders:
        for below in _SCRIPT_FOLDERS:
            if below and not inspection.files.may_hold(top, below):
                continue
            for name in inspection.files.names(f"{top}/{below}" if below else top):
                is_script = name in _SCRIPT_NAMES or name.endswith((".sh", ".bash", ".mk")) or below == "bin"
                if is_script and inspection.files.is_file(path := top / below / name):
                    facts = inspection.files.stat(path)
                    is_small = facts is not None and facts.st_size <= _LARGEST
                    yield path, (inspection.read_text(path) or "") if is_small else ""
        found = package.read(top) if inspection.files.may_hold(top, "package.json") else None
        if found is not None:
            lines = [""] * max([*found.lines.values(), 0])
            for name, line in found.lines.items():
                lines[line - 1] = found.scripts[name]
            yield found.path, "\n".join(lines)
