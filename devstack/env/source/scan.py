"""The index of one service's sources. Every file is read and parsed at most once per scanner."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from devstack.env.files import Files, normal
from devstack.env.source import workspace
from devstack.env.source.model import DotenvCall, KeyUse, SettingsClass, SourceIndex, SourceRead, UrlLiteral
from devstack.env.source.module import EMPTY, Scanned, read_source, scan_module
from devstack.env.source.walk import SCRIPT_SUFFIXES, SUFFIXES, sources
from devstack.patterns import regex
from devstack.records import dataclass, replace
from devstack.stack import defaults
from devstack.stack.launch import folder_of
from devstack.stack.model import FRONTENDS, Reference, Service, ServiceType, Stack

_PYTHON = frozenset({ServiceType.PYTHON})
_SCRIPT = frozenset({ServiceType.NEXT, ServiceType.VITE, ServiceType.NODE})
# Files that the service's own program does not run.
_BESIDE_FOLDERS = frozenset(
    {
        *(
            "test",
            "tests",
            "__tests__",
            "__mocks__",
            "spec",
            "specs",
            "e2e",
            "cypress",
            "playwright",
            "fixtures",
            "integration",
            "integration-tests",
            "integration_tests",
        ),
        *(
            "scripts",
            "examples",
            "example",
            "docs",
            "benchmarks",
            "stories",
            "storybook",
            "mocks",
            "testing",
            "evals",
            "evaluation",
        ),
        *("migrations", "alembic"),
    }
)
_BESIDE_FILE = regex(
    r"(?:\.(?:test|spec|stories|e2e|bench|cy|eval)\.[cm]?[jt]sx?|^(?:test_.*|.*_test|conftest|setup)\.py"
    r"|^(?!(?:vite|next)\.).*\.(?:config|setup)\.[cm]?[jt]s)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Area:
    """A service's sources: folders and files that are its own, and what lies in them but is another's."""

    roots: tuple[Path, ...]
    excluded: frozenset[Path]


class SourceScanner:
    """Finds what sources read from the environment."""

    def __init__(self, root: Path, files: Files) -> None:
        self._root = root
        self._files = files
        self._scanned: dict[Path, Scanned] = {}
        self._texts: dict[Path, bytes | None] = {}
        self._indexes: dict[str, SourceIndex] = {}
        self._workspaces = workspace.Workspaces()
        self._packages: dict[Path, list[Path]] = {}
        self._ownership: _Ownership | None = None

    def index(self, stack: Stack, service: Service | str) -> SourceIndex:
        """Everything that the sources of `service` read, call and hard-code."""
        declared = stack.services[service] if isinstance(service, str) else service
        known = self._indexes.get(declared.name)
        if known is None:
            known = self._indexes[declared.name] = self._build(stack, declared)
        return known

    def _build(self, stack: Stack, service: Service) -> SourceIndex:
        paths = self._own_files(stack, service)
        scanned = {path: self._scan(path) for path in paths}
        shipped = self._client(stack, service, scanned)
        builder = _Builder(service, _own(stack, service))
        for path, module in scanned.items():
            if not module.is_empty:
                builder.add(path, module, path in shipped)
            if module.remarks is not None:
                builder.remarks[_shown(self._root, path)] = module.remarks
        if service.type in _SCRIPT | _PYTHON | {ServiceType.LIVEKIT_AGENT}:
            for path in self._packaged(stack, service, scanned):
                builder.add_package(path, self._scan(path))
        return builder.finish(len(paths))

    def keys(self, stack: Stack, service: Service) -> Iterator[KeyUse]:
        """Where the sources of `service` sign or verify tokens with a key of the environment."""
        from devstack.env.source import keys

        folder = _own(stack, service)
        paths = {
            _shown(folder, path): path
            for path in self._own_files(stack, service)
            if not _is_beside(service, folder, path)
        }
        uses = list(keys.find(keys.Modules(folder, paths, lambda path: read_source(path, self._files))))
        is_inherited = any(
            use.read.form == "pydantic" for use in uses
        )  # a base may rename what a class reads
        reads = self.index(stack, service).reads if is_inherited else ()
        known = {(read.path, read.line, read.column): read for read in reads}
        for use in uses:
            place, where = (_shown(self._root, paths[path]) for path in (use.path, use.read.path))
            read = replace(use.read, path=where)
            yield replace(use, path=place, read=known.get((where, read.line, read.column), read))

    def _own_files(self, stack: Stack, service: Service) -> list[Path]:
        if not defaults.starts(service) and service.source is None:
            return []  # a container; the sources around it are those of others
        if self._ownership is None or self._ownership.stack is not stack:
            self._ownership = _Ownership(stack)
        area = self._ownership.area(service)
        return list(
            dict.fromkeys(path for root in area.roots for path in self._files_of(root, area.excluded))
        )

    def _packaged(self, stack: Stack, service: Service, own: Collection[Path]) -> Iterator[Path]:
        """Modules of the repository's own packages that the service is built from; other services are none."""
        folder = _own(stack, service)
        found = dict.fromkeys(self._workspaces.packages(folder))
        named = workspace.aliases(folder)
        if named:
            texts = [text for path in own if (text := self._texts.get(path))]
            found.update(dict.fromkeys(named[name] for name in named if _imported(name, texts)))
        services = frozenset() if self._ownership is None else self._ownership.folders
        for place in found:
            if place not in services and not folder.is_relative_to(place):
                yield from (path for path in self._telling(stack, place, services) if path not in own)

    def _telling(self, stack: Stack, place: Path, services: frozenset[Path]) -> list[Path]:
        """Modules of a package that load env files or name a variable that stack.toml speaks of."""
        known = self._packages.get(place)
        if known is None:
            words = [re.escape(name.encode()) for name in sorted(_spoken_of(stack))]
            wanted = re.compile(b"|".join([rb"dotenv|loadEnvFile|@next/env|BaseSettings", *words]))
            paths = (path for path in self._files_of(place, services) if not _is_aside(path, place))
            known = [path for path in paths if wanted.search(read_source(path, self._files) or b"")]
            self._packages[place] = known
        return known

    def _files_of(self, root: Path, excluded: frozenset[Path]) -> Iterable[Path]:
        if root.suffix in SUFFIXES and root.is_file():
            return [root]
        return sources(root, self._files, excluded=excluded)

    def _scan(self, path: Path) -> Scanned:
        known = self._scanned.get(path)
        if known is None:
            text = read_source(path, self._files)
            self._texts[path] = text if path.suffix in SCRIPT_SUFFIXES else None
            known = EMPTY if text is None else scan_module(text, _shown(self._root, path))
            self._scanned[path] = known
        return known

    def _client(self, stack: Stack, service: Service, scanned: dict[Path, Scanned]) -> set[Path]:
        if service.type not in FRONTENDS:
            return set()
        if all(module.is_empty for module in scanned.values()):
            return set()
        from devstack.env.source import client

        folder = _own(stack, service)
        inside = os.fspath(folder) + os.sep
        texts = {}
        for path in scanned:
            text, name = self._texts.get(path), os.fspath(path)
            if text is not None and name.startswith(inside):
                texts[name[len(inside) :].replace(os.sep, "/")] = text
        graph = client.ModuleGraph(folder, texts)
        if service.type is ServiceType.NEXT:
            names = client.next_client_modules(graph)
        else:
            names = client.vite_client_modules(graph, self._page(folder))
        return {folder / name for name in names}

    def _page(self, folder: Path) -> bytes | None:
        try:
            return self._files.read(folder / "index.html")
        except OSError:
            return None


class _Builder:
    """Collects modules into an index."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.own: list[SourceRead] = []
        self.scripts: list[SourceRead] = []
        self.packages: list[SourceRead] = []
        self.settings: list[SettingsClass] = []
        self.dotenv_calls: list[DotenvCall] = []
        self.urls: list[UrlLiteral] = []
        self.remarks: dict[str, frozenset[int]] = {}

    def add(self, path: Path, module: Scanned, is_client: bool) -> None:
        """Take over what one module holds."""
        if _is_beside(self.service, self.folder, path):
            self.scripts += module.reads
            return
        for position, read in enumerate(module.reads):
            shipped = is_client and position not in module.server_reads
            self.own.append(replace(read, client=True) if shipped else read)
        self.settings += module.settings
        self.dotenv_calls += module.dotenv_calls
        for position, url in enumerate(module.urls):
            shipped = is_client and position not in module.server_urls
            self.urls.append(replace(url, client=True) if shipped else url)

    def add_package(self, path: Path, module: Scanned) -> None:
        """Take over what a module holds that runs in the service's process, but is not the service's alone."""
        if module.is_empty or _is_beside(self.service, self.folder, path):
            return
        self.packages += module.reads
        self.settings += module.settings
        self.dotenv_calls += module.dotenv_calls

    def finish(self, files_scanned: int) -> SourceIndex:
        """The index, with what settings classes inherit from each other."""
        settings, own, packages = self.settings, self.own, self.packages
        if settings:
            from devstack.env.source.pysettings import inherit

            settings, reads = inherit(settings, [*own, *packages])
            own, packages = reads[: len(own)], reads[len(own) :]
        return SourceIndex(
            dotenv_calls=tuple(self.dotenv_calls),
            urls=tuple(self.urls),
            reads=tuple(own),
            scripts=tuple(self.scripts),
            packages=tuple(packages),
            settings=tuple(settings),
            remarks=self.remarks,
            files_scanned=files_scanned,
        )


class _Ownership:
    """Which folders and files belong to which service; sorted, because a stack may have thousands."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        folders = {name: _own(stack, one) for name, one in stack.services.items()}
        self.folders = frozenset(folders.values())
        owned = {(str(folder), name) for name, folder in folders.items()}
        for name, one in stack.services.items():
            owned.update((str(path), name) for path in _declared(stack, one))
        self._owned = sorted((path + os.sep, name) for path, name in owned)

    def area(self, service: Service) -> _Area:
        """The sources of `service`; what lies in its folder and is another's is left out."""
        if service.source is not None:
            return _Area(roots=tuple(_declared(self.stack, service)), excluded=frozenset())
        folder = _own(self.stack, service)
        inside = str(folder) + os.sep
        excluded = set()
        for at in range(bisect_left(self._owned, (inside, "")), len(self._owned)):
            path, name = self._owned[at]
            if not path.startswith(inside):
                break
            if name != service.name and path != inside:
                excluded.add(Path(path))
        return _Area(roots=(folder,), excluded=frozenset(excluded))


def _spoken_of(stack: Stack) -> set[str]:
    """Every variable that stack.toml links, shares or requires."""
    members = [member for shared in stack.shared.values() for member in shared.members]
    found = {name for each in members if isinstance(each, Reference) for name in each.names}
    for link in stack.links:
        source = link.source
        found.update(source.names if isinstance(source, Reference) else (source.host_name, source.port_name))
    found.update(name for lists in stack.doctor.required.values() for names in lists for name in names)
    return found


def _imported(name: str, texts: Iterable[bytes]) -> bool:
    """Whether some module imports `name` or something below it."""
    wanted = re.compile(rb"""['"]%s['"/]""" % re.escape(name.encode()))
    return any(wanted.search(text) for text in texts)


def _declared(stack: Stack, service: Service) -> Iterable[Path]:
    """`source` entries are relative to stack.toml; where no such path exists, to the service's folder."""
    for entry in service.source or ():
        direct = _absolute(stack.root, entry)
        inside = _absolute(stack.root, f"{service.dir}/{entry}")
        yield direct if direct.exists() or not inside.exists() else inside


def _own(stack: Stack, service: Service) -> Path:
    return normal(folder_of(stack, service))


def _absolute(root: Path, relative: str) -> Path:
    return normal(root / relative)


def _shown(root: Path, path: Path) -> str:
    inside, name = os.fspath(root) + os.sep, os.fspath(path)
    text = name[len(inside) :] if name.startswith(inside) else os.path.relpath(path, root)
    text = text.replace(os.sep, "/")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_beside(service: Service, folder: Path, path: Path) -> bool:
    """Tests, tools and the other language: the service's program does not run them."""
    if service.type in (_SCRIPT if path.suffix == ".py" else _PYTHON):
        return True
    return _is_aside(path, folder)


def _is_aside(path: Path, package: Path) -> bool:
    """Whether a path is that of a test, a tool's configuration or a script; of folders only those inside count."""
    *folders, name = path.parts
    depth = len(package.parts)
    folders = folders[depth:] if folders[:depth] == list(package.parts) else folders[-1:]
    return not _BESIDE_FOLDERS.isdisjoint(folders) or _BESIDE_FILE.search(name) is not None
