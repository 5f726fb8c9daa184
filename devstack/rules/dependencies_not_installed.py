"""A service's packages are not installed, or are older than its lockfile says.

## Why it matters
`next: not found`, `Cannot find module`, `ModuleNotFoundError`: usual after a fresh clone, or after somebody else
added a package.

## Example
`web/node_modules` is missing; `vite` is installed as 7.3.0, but package-lock.json says 8.0.1.

## Mending
Run the install command that the finding names, or declare it as `setup` of the service, so that `devstack up` does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.env.source.workspace import flat
from devstack.lines import split
from devstack.rules import lockfiles, modules, packages, versions
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.wording import listed
from devstack.stack import package
from devstack.stack.model import Service, ServiceType

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per folder of packages; one for all that the same install command mends."""
    told: set[Path] = set()
    bare: dict[Path, list[Service]] = {}
    for service in inspection.services:
        folder = inspection.folder(service)
        if service.type in (ServiceType.EXTERNAL, ServiceType.COMPOSE) or folder in told:
            continue
        told.add(folder)
        if _needs_node_modules(inspection, service, folder):
            bare.setdefault(_install_folder(inspection, folder), []).append(service)
            continue
        found = _node(inspection, service, folder) or _python(inspection, service, folder)
        if found is not None:
            yield found
    for place, services in bare.items():
        yield _nothing_installed(inspection, place, services)


def _nothing_installed(inspection: Inspection, place: Path, services: list[Service]) -> Finding:
    names = ", ".join(f"`{service.name}`" for service in services)
    without_setup = [service for service in services if service.setup is None]
    return _finding(
        (without_setup or services)[0],
        f"The packages of {names} are not installed: there is no node_modules.",
        inspection.at(inspection.folder(services[0]) / "package.json"),
        _install(inspection, place),
    )


def _needs_node_modules(inspection: Inspection, service: Service, folder: Path) -> bool:
    """Whether the service runs JavaScript with packages, and no folder holds any."""
    if not _runs_javascript(inspection, service):
        return False
    if not packages.wanted(packages.read_json(inspection.files, folder / "package.json")):
        return False
    files = inspection.files
    return not any(
        files.is_file(place / ".pnp.cjs") or files.is_folder(place / "node_modules")
        for place in packages.upward(folder, inspection.root)
        if files.may_hold(place, ".pnp.cjs", "node_modules")
    )


def _runs_javascript(inspection: Inspection, service: Service) -> bool:
    """A package.json beside a program of another language is not for that program."""
    launch = inspection.launch(service.name)
    if service.type in (ServiceType.NEXT, ServiceType.VITE, ServiceType.NODE):
        return True
    return launch is not None and launch.program in (*package.MANAGERS, "npx", "bunx", "node", "tsx", "deno")


def _install_folder(inspection: Inspection, folder: Path) -> Path:
    """Where the install command is run: beside the lockfile."""
    for place in packages.upward(folder, _top(inspection, folder)):
        if any(inspection.files.is_file(place / name) for name, _ in package.LOCKFILES):
            return place
    return folder


def _install(inspection: Inspection, place: Path) -> str:
    where = "" if place == inspection.root else f" in {inspection.shown(place)}"
    return f"`{package.manager(place, inspection.root)} install`{where}, or declare it as `setup`"


def _node(inspection: Inspection, service: Service, folder: Path) -> Finding | None:
    files = inspection.files
    if not _runs_javascript(inspection, service):
        return None
    wanted = packages.wanted(packages.read_json(files, folder / "package.json"))
    top = _top(inspection, folder)
    if not wanted or any(files.is_file(place / ".pnp.cjs") for place in packages.upward(folder, top)):
        return None
    hint = _install(inspection, _install_folder(inspection, folder))
    place = inspection.at(folder / "package.json")
    missing = [name for name in wanted if packages.installed(files, folder, name, top) is None]
    if missing:
        names = listed(missing)
        return _finding(
            service, f"`{service.name}` lacks packages of its package.json: {names}.", place, hint
        )
    older = list(_unlike_lockfile(inspection, folder, wanted, top))
    if older:
        return _finding(
            service,
            f"`{service.name}` has other versions installed than its lockfile says: {listed(older)}.",
            place,
            hint,
        )
    return None


def _top(inspection: Inspection, folder: Path) -> Path:
    """Where looking upward ends: the root, or for a folder outside of it that folder itself."""
    return inspection.root if folder.is_relative_to(inspection.root) else folder


def _unlike_lockfile(
    inspection: Inspection, folder: Path, wanted: dict[str, str], top: Path
) -> Iterator[str]:
    """`name 7.3.0 (lockfile 8.0.1)`."""
    for name, locked in lockfiles.node(inspection.files, folder, top, wanted).items():
        found = packages.installed(inspection.files, folder, name, top)
        if found is not None and found[1] is not None and locked != found[1]:
            yield f"{name} {versions.shown(found[1])} (lockfile {versions.shown(locked)})"


def _python(inspection: Inspection, service: Service, folder: Path) -> Finding | None:
    """What its virtual environment lacks."""
    site = _site_packages(inspection, folder)
    launch = inspection.launch(service.name)
    if site is None or service.type not in (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT):
        return None
    if launch is None or launch.program == "uv":
        return None  # `uv run` brings the environment up to date itself
    return _python_lockfile(inspection, service, folder, site) or _imports(inspection, service, folder, site)


def _python_lockfile(inspection: Inspection, service: Service, folder: Path, site: Path) -> Finding | None:
    """Direct dependencies that are installed in another version than locked, or not at all."""
    path = folder / "pyproject.toml"
    locked = lockfiles.python(inspection.files, folder, _top(inspection, folder))
    installed = lockfiles.installed_python(inspection.files.names(site))
    asked = [name for name in _project_dependencies(inspection.read_text(path) or "") if name in locked]
    unlike = [
        f"{name} {installed.get(name, 'not at all')} (lockfile {locked[name]})"
        for name in asked
        if installed.get(name) != locked[name]
    ]
    if not unlike:
        return None
    return _finding(
        service,
        f"`{service.name}` has other versions installed than its lockfile says: {listed(unlike)}.",
        inspection.at(path),
        "install what the lockfile says (`uv sync`, `poetry install`), or declare that as `setup`",
    )


def _project_dependencies(text: str) -> list[str]:
    """Normalised names of the project's unconditional dependencies."""
    project = foreign.from_toml(text).get("project")
    listed = project.get("dependencies") if isinstance(project, dict) else None
    plain = (
        [one for one in listed if isinstance(one, str) and ";" not in one] if isinstance(listed, list) else []
    )
    return [flat(found[0]) for one in plain if (found := re.match(r"[A-Za-z][\w.-]*", one))]


def _imports(inspection: Inspection, service: Service, folder: Path, site: Path) -> Finding | None:
    """Imports of the service's entry that its virtual environment does not have."""
    entry = _entry(inspection, service, folder)
    text = None if entry is None else inspection.read_text(entry)
    if entry is None or text is None or modules.has_search_path(inspection, service):
        return None
    if any(name.endswith(".pth") for name in inspection.files.names(site)):
        return None
    missing: dict[str, int] = {}
    for number, line in enumerate(split(text), start=1):
        found = re.match(r"(?:import|from)\s+([A-Za-z_]\w*)", line)
        if found and not _is_there(inspection, found.group(1), site, [folder, entry.parent]):
            missing.setdefault(found.group(1), number)
    if not missing:
        return None
    first = next(iter(missing.values()))
    return _finding(
        service,
        f"`{service.name}` imports {listed(list(missing))}, which its virtual environment does not have.",
        inspection.at(entry, first),
        "install the requirements into it, or declare that as `setup`",
    )


def _site_packages(inspection: Inspection, folder: Path) -> Path | None:
    for place in packages.upward(folder, inspection.root):
        found = inspection.once(_site_packages_in, str(place))
        if found is not None:
            return found
    return None


def _site_packages_in(inspection: Inspection, place: str) -> Path | None:
    files = inspection.files
    for name in (".venv", "venv") if files.may_hold(place, ".venv", "venv") else ():
        library = Path(place, name, "lib")
        for version in files.names(library) if files.is_file(library.parent / "pyvenv.cfg") else ():
            if version.startswith("python3") and files.is_folder(library / version / "site-packages"):
                return library / version / "site-packages"
    return None


def _entry(inspection: Inspection, service: Service, folder: Path) -> Path | None:
    launch = inspection.launch(service.name)
    script = next((word for word in launch.argv if word.endswith(".py")), None) if launch else None
    return folder / script if script and inspection.files.is_file(folder / script) else None


def _is_there(inspection: Inspection, name: str, site: Path, folders: list[Path]) -> bool:
    if name in sys.stdlib_module_names:
        return True
    for folder in (site, *folders):
        if inspection.files.is_folder(folder / name) or inspection.files.is_file(folder / f"{name}.py"):
            return True
    return any(entry.startswith(f"{name}.") for entry in inspection.files.names(site))


def _finding(service: Service, message: str, place: Location, hint: str) -> Finding:
    """A note where `devstack up` will install them."""
    if service.setup is not None:
        hint = f"`devstack up` runs its setup (`{service.setup.command}`)"
    severity = None if service.setup is None else Severity.INFO
    return RULE.finding(message, place, severity=severity, service=service.name, hint=hint)


RULE = Rule(
    id="DS003",
    name="dependencies-not-installed",
    severity=Severity.WARNING,
    page=__doc__ or "",
    check=check,
)
