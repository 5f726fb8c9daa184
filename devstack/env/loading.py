"""How a service loads env files: which programs, from which folder, which files, in which mode.

Told by stack.toml; where it says nothing, by the command line, vite.config and the service's own source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env import bun, frameworks, versions, wrappers
from devstack.env.files import Files, normal
from devstack.env.model import LoadIssue
from devstack.patterns import regex
from devstack.records import dataclass
from devstack.stack import defaults, package, scripts, shell_words
from devstack.stack.launch import Launch, folder_of, pages
from devstack.stack.model import Service, ServiceType, Stack

if TYPE_CHECKING:
    from devstack.env.source.model import DotenvCall, SourceIndex
    from devstack.env.source.workspace import Workspaces
    from devstack.env.vite_config import ViteConfig

    Sources = Callable[[str], SourceIndex]

DEFAULT_MODE = "development"
_PRODUCTION_COMMANDS = {"next": {"build", "start"}, "vite": {"build", "preview"}}
_CONFIGURATION = regex(r"(?:next|vite)\.config\.[cm]?[jt]s")
_LOADS_ITSELF = regex(
    rb"^(?![ \t]*(?://|\*)).*(?:[\"'](?:dotenv[\w/-]*|@next/env|@dotenvx/dotenvx|env-cmd)[\"']|[\"']import\.meta\.env\.)",
    re.M,
)
_INTERPRETERS = ("node", "tsx", "ts-node", "bun", "deno")
# Packages that load env files by rules of their own.
_UNMODELLED = ("dotenv-mono", "dotenv-extended", "dotenv-defaults", "@dotenvx/dotenvx", "varlock")
_OF_A_MODE = regex(r"\.env\.(?:development|production|test|staging)(?:\.local)?")
_NEEDS_DOTENV = ("dotenv", "dotenv/config")
_PYTHON = frozenset({ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One program that loads files.

    Attributes:
        loader: kind, perhaps pinned.
        folder: where it looks when it has no files given; absolute.
        files: None = its own list.
        mode: where it is another one than that of the service's own program.
    """

    loader: str
    folder: Path
    files: tuple[Path, ...] | None = None
    override: bool = False
    prefixes: tuple[str, ...] | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All loads of one service in order, and what could not be read off.

    Attributes:
        prefixes: public ones of a framework whose loader is not modelled as such.
    """

    mode: str
    loads: tuple[Load, ...]
    issues: tuple[LoadIssue, ...] = ()
    prefixes: tuple[str, ...] = ()


def plan(
    stack: Stack,
    service: Service,
    launch: Launch | None,
    *,
    files: Files,
    sources: Sources,
    installed: versions.Installed,
) -> Plan:
    """How `service` loads its env files."""
    return _Planner(stack, service, launch, files=files, sources=sources, installed=installed).plan()


class _Planner:
    """Works out one service."""

    def __init__(
        self,
        stack: Stack,
        service: Service,
        launch: Launch | None,
        *,
        files: Files,
        sources: Sources,
        installed: versions.Installed,
    ) -> None:
        self._stack = stack
        self._service = service
        self._files = files
        self._sources = sources
        self._folder = normal(folder_of(stack, service))
        self._launch = launch
        self._bun = bun.NOTHING
        if launch is not None and defaults.loader(service).partition("@")[0] != "bun":
            self._bun = bun.found(launch, self._folder, files, installed)
        self._words = _words(launch)
        self._pages = pages(stack, service)
        found = None if service.type in _PYTHON else frameworks.of(self._pages.folder, files)
        is_served = found is not None and (service.type is ServiceType.VITE or found.is_run_by(self._words))
        self._framework = found if is_served else None
        self._issues: list[LoadIssue] = []

    def plan(self) -> Plan:
        """Mode and loads."""
        declared = self._service.env
        kind = defaults.loader(self._service).partition("@")[0]
        config = None
        if kind == "vite" and not declared.layers:
            from devstack.env import vite_config

            config = vite_config.read(self._pages, self._files)
        flags = _flags(self._words, "--mode", "-m") if kind == "vite" else []
        told = None if config is None else config.mode
        mode = declared.mode or "".join(flags[-1:]) or told or self._usual_mode(kind)
        loads = tuple(self._loads(kind, config, mode))
        prefixes = () if self._framework is None else self._framework.prefixes
        return Plan(mode=mode, loads=loads, issues=tuple(self._issues), prefixes=prefixes)

    def _usual_mode(self, kind: str) -> str:
        """By the command that runs: `next start` and `vite build` are in production mode."""
        commands = _PRODUCTION_COMMANDS.get(kind, set())
        for program, command in zip(self._words, self._words[1:], strict=False):
            if command in commands and Path(program).name == kind:
                return "production"
        return DEFAULT_MODE

    def _loads(self, kind: str, config: ViteConfig | None, mode: str) -> Iterable[Load]:
        declared = self._service.env
        if declared.layers:
            return [
                Load(
                    loader=layer.loader,
                    folder=self._folder,
                    files=self._paths(layer.files) if layer.files else None,
                    override=layer.override,
                )
                for layer in declared.layers
            ]
        if declared.files is not None:
            files = self._paths(declared.files)
            return [Load(loader=defaults.loader(self._service), folder=self._folder, files=files)]
        if self._launch is not None and self._launch.script is not None:
            self._folder = normal(self._launch.script.path.parent)  # that of a workspace's package, perhaps
        around = list(self._around())
        return [*around, *self._own(kind, config, mode, is_supplied=bool(around))]

    def _own(self, kind: str, config: ViteConfig | None, mode: str, *, is_supplied: bool) -> Iterable[Load]:
        """What the program loads itself; `is_supplied`: a wrapper has loaded files for it already."""
        loader = defaults.loader(self._service)
        if config is not None:
            return [self._vite(loader, config)]
        if kind == "next":
            self._note_configuration()
            self._note_packages()
            self._note_starter()
            return [Load(loader=loader, folder=normal(self._pages.folder))]
        if self._framework is not None and self._framework.programs and self._service.env.loader is None:
            return self._layered("dotenv-expand@11", mode)
        if kind == "python-dotenv" and self._service.type in _PYTHON:
            return self._python(loader, is_supplied=is_supplied)
        if kind in ("dotenv", "dotenv-expand") and self._service.type is ServiceType.NODE:
            return self._node(loader, is_supplied=is_supplied)
        if self._service.type is ServiceType.COMPOSE:
            # The `.env` beside a compose file is optional; only files that `env_file` names must exist.
            files = self._paths(self._existing([".env"]))
            return [Load(loader=loader, folder=self._folder, files=files)]
        is_supplied = self._bun.runs and self._service.env.loader is None
        return self._assumed(loader, is_supplied=is_supplied)

    def _layered(self, loader: str, mode: str) -> list[Load]:
        """The four files of a mode, each on its own; what an earlier one sets stays."""
        names = frameworks.file_names(mode)
        return [Load(loader=loader, folder=self._folder, files=(path,)) for path in self._paths(names)]

    def _around(self) -> Iterable[Load]:
        """What wrappers of the command load before the program starts; notes those that cannot be followed."""
        if self._launch is None:
            return
        own = package.read(self._folder)
        known = {} if own is None else own.scripts
        is_node = self._service.type is ServiceType.NODE
        for supply in wrappers.supplies(self._launch.command, known, env_file_flag=not is_node):
            if supply.loader is not None and supply.files and "$" not in "".join(supply.files):
                files = self._paths(supply.files)
                yield Load(loader=supply.loader, folder=self._folder, files=files, override=supply.override)
            else:
                self._note_command(f"`{supply.by}` may give the program variables that no file here shows")
        for named in self._bun.loads:
            mode = self._service.env.mode or DEFAULT_MODE  # Bun knows nothing of flags of the program
            yield Load(loader="bun", folder=self._folder, files=named, mode=mode)
        if self._bun.unsure:
            self._note_command(f"`{self._bun.unsure}` loads env files, perhaps for this program")

    def _note_command(self, message: str) -> None:
        if self._launch is not None:
            spot = self._launch.spot
            self._note(self._stack.root / spot.path, spot.line, message)

    def _note_configuration(self) -> None:
        """A next.config or vite.config that loads env files or defines variables itself."""
        for name in self._files.names(self._pages.folder):
            if not _CONFIGURATION.fullmatch(name):
                continue
            try:
                content = self._files.read(self._pages.folder / name) or b""
            except OSError:
                continue
            found = _LOADS_ITSELF.search(content)
            if found is not None:
                line = content.count(b"\n", 0, found.start()) + 1
                self._note(self._pages.folder / name, line, f"{name} sets variables itself; declare `files`")

    def _note_starter(self) -> None:
        """A script of the repository's own that starts the page server and may load files before."""
        tool = scripts.tool(self._words)
        is_page_server = any(Path(word).name in ("next", "vite", "vite.js") for word in tool[1:])
        if tool and (tool[0] in _INTERPRETERS or self._bun.runs) and not is_page_server:
            self._note_command("a script of its own starts the page server, and may set variables before")

    def _vite(self, loader: str, config: ViteConfig) -> Load:
        for key, line in config.dynamic:
            if config.path is not None and not (key == "mode" and self._service.env.mode):
                message = f"`{key}` is computed, so Vite's default is assumed; declare `mode` or `files`"
                self._note(config.path, line, message)
        if config.path is not None and "" in (config.prefixes or ()):
            message = "`envPrefix` holds an empty text, so Vite stops: every variable would be public"
            self._issues.append(
                LoadIssue(path=config.path, line=None, kind="error", message=message, fatal=True)
            )
        self._note_configuration()
        self._note_packages()
        self._note_starter()
        folder = config.folder(self._pages.folder)
        if self._bun.runtime and "+" not in loader:
            loader = f"{loader}+{self._bun.runtime}"  # Vite 8 parses with its runtime's `util.parseEnv`
        prefixes = config.prefixes
        if prefixes is None and self._framework is not None:
            prefixes = self._framework.prefixes
        files = () if folder is None else None
        return Load(loader=loader, folder=normal(folder or self._folder), files=files, prefixes=prefixes)

    def _python(self, loader: str, *, is_supplied: bool) -> Iterable[Load]:
        index = self._sources(self._service.name)
        loads = self._calls(loader, index.dotenv_calls)
        settings = [
            normal((self._module(one.path) if one.beside_module else self._folder) / name)
            for one in index.settings
            for name in one.env_files
        ]
        if settings:
            files = tuple(dict.fromkeys(settings))
            loads.append(Load(loader="pydantic", folder=self._folder, files=files))
        return loads or self._assumed(loader, is_supplied=is_supplied)

    def _assumed(self, loader: str, *, is_supplied: bool) -> list[Load]:
        """What the type usually reads, where the source says nothing and no wrapper has loaded files for it."""
        return [] if is_supplied else [Load(loader=loader, folder=self._folder, files=self._usual_files())]

    def _node(self, loader: str, *, is_supplied: bool) -> Iterable[Load]:
        flags = [
            *_flags(self._words, "--env-file"),
            *self._existing(_flags(self._words, "--env-file-if-exists")),
        ]
        loads = []
        if flags and self._service.env.loader is None and not self._bun.runtime:
            loads.append(Load(loader="node", folder=self._folder, files=self._paths(flags)))
        if self._service.env.loader is None and versions.depends_on(
            "dotenv-expand", self._folder, self._files
        ):
            loader = "dotenv-expand"
        calls = tuple(self._sources(self._service.name).dotenv_calls)
        if not loads:
            calls = tuple(call for call in calls if call.form not in _NEEDS_DOTENV or self._has_dotenv(call))
        found = self._calls(loader, calls)
        if loads and not found:
            return loads
        for name in _UNMODELLED:
            if versions.depends_on(name, self._folder, self._files):
                self._note(
                    self._folder / "package.json", 1, f"{name} loads files by its own rules; declare `files`"
                )
        return [*loads, *(found or self._assumed(loader, is_supplied=is_supplied or bool(loads)))]

    def _has_dotenv(self, call: DotenvCall) -> bool:
        """Whether a package.json around the calling module names dotenv: without it the call is an error."""
        module = self._module(call.path)
        around = [each for each in (module, *module.parents) if each.is_relative_to(self._stack.root)]
        return any(versions.depends_on("dotenv", each, self._files) for each in around)

    def _note_packages(self) -> None:
        """A package of the repository that the pages are built from and that loads env files itself."""
        from devstack.env.source.workspace import aliases

        if not self._files.derive(_workspaces).packages(self._folder) and not aliases(self._folder):
            return
        for call in self._sources(self._service.name).dotenv_calls:
            path = normal(self._stack.root / call.path)
            if not path.is_relative_to(self._folder):
                self._note(path, call.line, f"{call.path} loads env files itself; declare `files`")
                return

    def _calls(self, loader: str, calls: Iterable[DotenvCall]) -> list[Load]:
        """One load for each call in the source whose arguments are literals."""
        made: list[Load] = []
        for call in calls:
            module = self._module(call.path)
            if call.dynamic:
                what = "takes what is no literal" if not call.is_own else "is the program's own way"
                self._note(
                    self._stack.root / call.path,
                    call.line,
                    f"{call.form}(…) {what}, so it is left out; declare `files`",
                )
                continue
            made += self._call(loader, call, module)
        return list(dict.fromkeys(made))

    def _call(self, loader: str, call: DotenvCall, module: Path) -> list[Load]:
        is_python = loader.startswith("python-dotenv")
        reader = "node" if call.form == "loadEnvFile" else "dotenv-expand" if call.expands else loader
        if call.is_flow and call.file is None:
            return self._flow(reader)
        # python-dotenv searches upward from the calling file, dotenv looks in the current folder.
        start = module if is_python and not call.from_cwd else self._folder
        if call.file is None:
            return [Load(loader=reader, folder=start, override=call.override)]
        path = normal((module if call.beside_module else self._folder) / call.file)
        if call.upward:
            places = (folder / call.file for folder in (start, *start.parents))
            path = next((place for place in places if self._files.is_file(place)), start / call.file)
        return [Load(loader=reader, folder=self._folder, files=(path,), override=call.override)]

    def _flow(self, loader: str) -> list[Load]:
        """dotenv-flow: those of a mode only where NODE_ENV says which, which nobody can tell from here."""
        by_mode = [path for path in self._files.names(self._folder) if _OF_A_MODE.fullmatch(path)]
        if by_mode:
            self._note(self._folder / by_mode[0], 1, f"dotenv-flow reads {by_mode[0]} where NODE_ENV says so")
        names = self._existing([".env.local", ".env", ".env.defaults"]) or [".env"]
        return [Load(loader=loader, folder=self._folder, files=(path,)) for path in self._paths(names)]

    def _note(self, path: Path, line: int, message: str) -> None:
        self._issues.append(LoadIssue(path=normal(path), line=line, kind="dynamic", message=message))

    def _module(self, path: str) -> Path:
        return normal(self._stack.root / path).parent

    def _usual_files(self) -> tuple[Path, ...] | None:
        names = defaults.default_files(self._service)
        return None if names is None else self._paths(names)

    def _paths(self, names: Iterable[str]) -> tuple[Path, ...]:
        return tuple(normal(self._folder / name) for name in names)

    def _existing(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self._files.is_file(self._folder / name)]


def _workspaces(_: Files) -> Workspaces:
    from devstack.env.source.workspace import Workspaces

    return Workspaces()


def _words(launch: Launch | None) -> tuple[str, ...]:
    """The words of the command that really runs: behind a package.json script, the script's."""
    if launch is None:
        return ()
    text = launch.script.text if launch.script is not None else launch.command
    return shell_words.read(text).words or ()


def _flags(words: tuple[str, ...], *names: str) -> list[str]:
    found = []
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            if equals:
                found.append(value)
            elif index + 1 < len(words):
                found.append(words[index + 1])
    return found
