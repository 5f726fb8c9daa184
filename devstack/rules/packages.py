"""What npm packages a folder wants, and which of them are installed, with their versions."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.rules import versions

if TYPE_CHECKING:
    from devstack.env.model import FileReader


def read_json(reader: FileReader, path: Path) -> dict[str, object]:
    """A JSON object; empty when there is none."""
    try:
        content = reader.read(path)
    except OSError:
        return {}
    return parse_json(content or b"{}")


def parse_json(text: str | bytes) -> dict[str, object]:
    """A JSON object; empty when it is none."""
    found = foreign.from_json(text)
    return found if isinstance(found, dict) else {}


def wanted(manifest: dict[str, object]) -> dict[str, str]:
    """Direct dependencies that every install brings: name → range. Optional and peer ones are left out."""
    found: dict[str, str] = {}
    optional = manifest.get("optionalDependencies")
    for key in ("devDependencies", "dependencies"):
        table = manifest.get(key)
        for name, text in table.items() if isinstance(table, dict) else ():
            if isinstance(text, str) and not (isinstance(optional, dict) and name in optional):
                found[name] = text
    return found


def installed(
    reader: FileReader, folder: Path, name: str, top: Path
) -> tuple[Path, versions.Version | None] | None:
    """The folder and version that `require(name)` finds from `folder` upward to `top`."""
    for place in upward(folder, top):
        path = place / "node_modules" / name
        manifest = read_json(reader, path / "package.json")
        if manifest:
            return path, versions.parse(str(manifest.get("version", "")))
    return None


@lru_cache(maxsize=16384)
def upward(folder: Path, top: Path) -> tuple[Path, ...]:
    """`folder` and those above it, up to and with `top` (or only itself when it lies elsewhere)."""
    if folder == top or folder.parts[: len(top.parts)] != top.parts:
        return (folder,)
    return (folder, *upward(folder.parent, top))
