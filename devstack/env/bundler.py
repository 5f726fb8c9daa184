"""What a Vite configuration changes about env files: `envPrefix`, `envDir`, `root`. Read, never run."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from devstack.env.model import FileReader
from devstack.env.source import jsconfig

# Spellings of a folder that are no literal but can be read: `path.resolve(__dirname, '../..')`,
# `new URL('..', import.meta.url)`, `process.cwd()`.
_HERE = r"(?:__dirname|import\.meta\.dirname|process\.cwd\(\))"
_FOLDER_CALL = re.compile(
    rf"""\b(root|envDir)\s*:\s*(?:(?:path\.)?(?:resolve|join)\(\s*{_HERE}\s*,\s*['"]([^'"]+)['"]\s*,?\s*\)
    |(?:fileURLToPath\()?\s*new\ URL\(\s*['"]([^'"]+)['"]\s*,\s*import\.meta\.url\s*\)|{_HERE})""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViteSettings:
    """Where Vite looks for env files and what it publishes.

    Attributes:
        folder: absolute; None when env files are switched off (`envDir: false`).
        prefixes: empty = Vite's default.
        undecided: the configuration computes something that this reading cannot follow.
        path: the configuration file, if there is one.
    """

    folder: Path | None
    prefixes: tuple[str, ...] = ()
    undecided: bool = False
    path: Path | None = None


def vite_settings(folder: Path, reader: FileReader) -> ViteSettings:
    """The settings of the Vite project in `folder`."""
    found = jsconfig.find(folder, "vite", reader)
    if found is None:
        return ViteSettings(folder=folder)
    path, text = found
    literals = list(jsconfig.literals(text))
    prefixes = tuple(each.text for each in literals if each.is_at("envPrefix"))
    top = {
        each.keys[-1]: each.text
        for each in literals
        if each.keys[-1] in ("envDir", "root")
        and not {"server", "test", "build", "resolve"} & set(each.keys[:-1])
    }
    if top.get("envDir") == "false":
        return ViteSettings(folder=None, prefixes=prefixes, path=path)
    where, undecided = folder, False
    for key in ("root", "envDir"):
        target = top.get(key) or _called(text, key)
        if target:
            where = Path(os.path.normpath((folder if key == "root" else where) / target))
        elif key == "envDir" and re.search(r"\benvDir\b\s*[:,}]", text):
            undecided = True
    is_computed = not prefixes and re.search(r"\benvPrefix\b\s*[:,}]", text) is not None
    return ViteSettings(folder=where, prefixes=prefixes, undecided=undecided or is_computed, path=path)


def _called(text: str, key: str) -> str | None:
    """The folder that a call of the usual kind names."""
    for found in _FOLDER_CALL.finditer(text):
        if found[1] == key:
            return found[2] or found[3] or "."
    return None
