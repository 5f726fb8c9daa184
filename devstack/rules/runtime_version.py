"""The installed Node or Python is not the version that the project asks for.

## Why it matters
Syntax errors in dependencies, native modules built for another version, or values that differ: Node 20 and Node 22
read `--env-file` differently, and so does Vite 8 on them.

## Example
```
web/.nvmrc   22            # node --version: v20.20.2
```

## Mending
`nvm use`, `fnm use` or `mise install` in that folder; for Python create the virtual environment with the wanted
version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.records import replace
from devstack.rules import packages, versions
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.stack.model import Service, ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_NODE_TYPES = (ServiceType.NEXT, ServiceType.VITE, ServiceType.NODE)
_PYTHON_TYPES = (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT)
Wish = tuple[str, Location]


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per installed version, with every line that asks for another one."""
    unmet: dict[tuple[str, versions.Version], list[tuple[Service, Wish]]] = {}
    told: set[tuple[str, int | None]] = set()
    for service in inspection.services:
        if service.type in _NODE_TYPES:
            tool, wishes = "node", list(_node_wishes(inspection, service))
        elif service.type in _PYTHON_TYPES:
            tool, wishes = "python", list(_python_wishes(inspection, service))
        else:
            continue
        wishes = [wish for wish in wishes if (wish[1].path, wish[1].line) not in told]
        version = _installed(inspection, service, tool) if wishes else None
        for wish in wishes:
            if version is not None and versions.satisfies(version, wish[0]) is False:
                told.add((wish[1].path, wish[1].line))
                unmet.setdefault((tool, version), []).append((service, wish))
    for (tool, version), asked in unmet.items():
        service, (wanted, _) = asked[0]
        yield RULE.finding(
            f"`{service.name}` asks for {tool} {wanted}, but {versions.shown(version)} would run it.",
            *(replace(place, note=f"asks for {wish}") for _, (wish, place) in asked),
            service=service.name,
            hint=_HINTS[tool],
        )


_HINTS = {
    "node": "`nvm use`, `fnm use` or `mise install` in that folder",
    "python": "create the virtual environment with the wanted version (`uv venv --python …`)",
}


def _installed(inspection: Inspection, service: Service, tool: str) -> versions.Version | None:
    launch = inspection.launch(service.name)
    folder = inspection.folder(service)
    if tool == "node":
        program = inspection.which("node", folder)
    else:
        name = launch.program if launch else ""
        is_python = re.fullmatch(r"(?:.*/)?python[\d.]*", name) is not None
        program = inspection.which(name, folder) if is_python else None
    return None if program is None else inspection.version(program)


def _node_wishes(inspection: Inspection, service: Service) -> Iterator[Wish]:
    for folder in packages.upward(inspection.folder(service), inspection.root):
        yield from inspection.once(_node_wishes_in, str(folder))


def _node_wishes_in(inspection: Inspection, place: str) -> tuple[Wish, ...]:
    if not inspection.files.may_hold(place, "package.json", ".nvmrc", ".node-version", ".tool-versions"):
        return ()
    found, folder = [], Path(place)
    engines = packages.read_json(inspection.files, folder / "package.json").get("engines")
    if isinstance(engines, dict) and isinstance(engines.get("node"), str):
        found.append((engines["node"], _line(inspection, folder / "package.json", '"node"')))
    for name in (".nvmrc", ".node-version"):
        wanted = (inspection.read_text(folder / name) or "").strip()
        if re.fullmatch(r"v?\d+(?:\.\d+)*", wanted):
            found.append((wanted.lstrip("v"), inspection.at(folder / name, 1)))
    return (*found, *_tool_versions(inspection, folder, ("nodejs", "node")))


def _python_wishes(inspection: Inspection, service: Service) -> Iterator[Wish]:
    for folder in packages.upward(inspection.folder(service), inspection.root):
        yield from inspection.once(_python_wishes_in, str(folder))


def _python_wishes_in(inspection: Inspection, folder: str) -> tuple[Wish, ...]:
    if not inspection.files.may_hold(folder, "pyproject.toml", ".tool-versions"):
        return ()
    path = Path(folder, "pyproject.toml")
    project = foreign.from_toml(inspection.read_text(path)).get("project")
    wanted = project.get("requires-python") if isinstance(project, dict) else None
    own = [(wanted, _line(inspection, path, "requires-python"))] if isinstance(wanted, str) else []
    return (*own, *_tool_versions(inspection, Path(folder), ("python",)))


def _tool_versions(inspection: Inspection, folder: Path, tools: tuple[str, ...]) -> Iterator[Wish]:
    text = inspection.read_text(folder / ".tool-versions") or ""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if len(words) > 1 and words[0] in tools and re.fullmatch(r"\d+(?:\.\d+)*", words[1]):
            yield words[1].rpartition(".")[0] or words[1], inspection.at(folder / ".tool-versions", number)


def _line(inspection: Inspection, path: Path, needle: str) -> Location:
    text = inspection.read_text(path) or ""
    return inspection.at(path, text.count("\n", 0, max(0, text.find(needle))) + 1)


RULE = Rule(id="DS006", name="runtime-version", severity=Severity.WARNING, page=__doc__ or "", check=check)
