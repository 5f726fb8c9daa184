"""Python modules that a command names: whether they can be found where the program will look."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.nearest import nearest
from devstack.rules import packages

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

APPLICATION_SERVERS = ("uvicorn", "gunicorn", "hypercorn", "daphne", "granian")
_ELSEWHERE = ("--app-dir", "--chdir", "--pythonpath", "--working-dir")


def has_search_path(inspection: Inspection, service: Service) -> bool:
    """Whether PYTHONPATH adds folders."""
    launch, environment = inspection.launch(service.name), inspection.environment(service.name)
    given = {
        *service.env.assignments,
        *(launch.inline_env if launch else ()),
        *(launch.inline_dynamic if launch else ()),
    }
    return "PYTHONPATH" in given or (environment is not None and environment.get("PYTHONPATH") is not None)


class Search:
    """Looks from one folder, as a Python started there does. Silent wherever an installed package may answer."""

    def __init__(self, inspection: Inspection, service: Service, folder: Path) -> None:
        self._inspection = inspection
        self._files = inspection.files
        self._service = service
        self._folder = folder
        self._roots = (str(folder), f"{folder}/src")

    def application(self, arguments: tuple[str, ...]) -> str | None:
        """What is missing for `uvicorn package.module:app`."""
        target = next((word for word in arguments if re.fullmatch(r"[\w.]+:[\w.]+(?:\(\))?", word)), None)
        if target is None or any(word.startswith(_ELSEWHERE) for word in arguments):
            return None
        name, _, attribute = target.partition(":")
        if not all(part.isidentifier() for part in name.split(".")) or name.isdecimal():
            return None
        missing = self.module(name, runs=False)
        if missing is not None or "." in name:
            return missing
        if not self._local(name):
            known = self._may_be_installed(name)
            return None if known else f"there is no module `{name}`{self._here()}"
        return self._missing_attribute(name, attribute.split(".")[0].removesuffix("()"))

    def module(self, name: str, *, runs: bool = True) -> str | None:
        """What is missing for the module `name`; with `runs`, as `python -m` needs it."""
        top, *rest = name.split(".")
        if not name.replace(".", "").isidentifier() or has_search_path(self._inspection, self._service):
            return None
        place = next((root for root in self._roots if self._is_module(root, top)), None)
        if place is None:
            return self._not_local(top, name)
        path = f"{place}/{top}"
        if not self._files.is_file(f"{path}/__init__.py") and self._may_be_installed(top):
            return None  # a namespace: an installed package of that name wins
        for part in rest:
            if not self._is_module(path, part):
                return f"there is no module `{name}`{self._here()}"
            path = f"{path}/{part}"
        is_package = self._files.is_folder(path) and not self._files.is_file(f"{path}.py")
        main = f"{path}/__main__.py"
        if runs and is_package and not self._files.is_file(main):
            return f"`python -m {name}` needs {self._inspection.shown(main)}, which does not exist"
        return None

    def _not_local(self, top: str, name: str) -> str | None:
        """A near name beside it is a slip; anything else may come from an installed package."""
        if self._may_be_installed(top):
            return None
        near = nearest(top, self._beside(), cutoff=0.75)
        return f"there is no module `{name}`{self._here()} (did you mean `{near}`?)" if near else None

    def _missing_attribute(self, name: str, attribute: str) -> str | None:
        for root in self._roots:
            path = f"{root}/{name}.py"
            text = self._inspection.read_text(path)
            if text is not None and not re.search(
                rf"\b{re.escape(attribute)}\b|import\s*\*|__getattr__|globals\(", text
            ):
                return f"{self._inspection.shown(path)} has no `{attribute}`"
        return None

    def _beside(self) -> list[str]:
        names = [name.removesuffix(".py") for name in self._files.names(self._folder)]
        return [name for name in names if name.isidentifier() and self._is_module(self._roots[0], name)]

    def _local(self, name: str) -> bool:
        return any(self._is_module(root, name) for root in self._roots)

    def _is_module(self, folder: str, name: str) -> bool:
        if not self._files.may_hold(folder, f"{name}.py", name):
            return False
        return self._files.is_file(f"{folder}/{name}.py") or self._files.is_folder(f"{folder}/{name}")

    def _may_be_installed(self, top: str) -> bool:
        """Of the standard library, or of a package that a manifest names (whose modules may be called otherwise)."""
        if top in sys.stdlib_module_names:
            return True
        wanted = _flat(top)
        return any(wanted in _flat(name) or _flat(name) in wanted for name in self._dependencies())

    def _dependencies(self) -> Iterator[str]:
        for folder in packages.upward(self._folder, self._inspection.root):
            yield from self._inspection.once(_named_in, str(folder))

    def _here(self) -> str:
        shown = self._inspection.shown(self._folder)
        return "" if shown == "." else f" in {shown}"


def _named_in(inspection: Inspection, folder: str) -> tuple[str, ...]:
    """Names of distributions in the manifests of one folder."""
    return tuple(
        name
        for file in inspection.files.names(folder)
        if re.fullmatch(r"requirements.*\.(?:txt|in)|pyproject\.toml|Pipfile|setup\.(?:py|cfg)", file)
        for name in _names(file, inspection.read_text(Path(folder, file)) or "")
    )


def _names(file: str, text: str) -> Iterator[str]:
    """Names of distributions in a manifest; for anything but plain lines, every word that may be one."""
    if file.endswith((".txt", ".in")):
        for line in text.splitlines():
            found = re.match(r"\s*(?:-e\s+\S*/)?([A-Za-z][\w.-]*)", line)
            if found:
                yield found[1]
        return
    if file == "pyproject.toml":
        project = foreign.from_toml(text).get("project")
        name = project.get("name") if isinstance(project, dict) else None
        if isinstance(name, str):
            yield name  # the project itself, installed from a folder that its build settings name
    yield from re.findall(r"""["']([A-Za-z][\w.-]*)""", text)
    yield from re.findall(r"(?m)^\s*[\"']?([A-Za-z][\w.-]*)[\"']?\s*=", text)


def _flat(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()
