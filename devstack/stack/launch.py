"""How a service's process is started: argv or shell text, inline variables, port, first program."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from devstack.records import dataclass, field
from devstack.stack import defaults, package, scripts, shell_words
from devstack.stack.model import Service, Spot, Stack
from devstack.stack.scripts import PAGE_SERVERS, Script, port_flags

SHELL = "/bin/sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How one process is started.

    Attributes:
        argv: what is executed; with a shell, `("/bin/sh", "-c", shell_text)`.
        shell_text: the text for the shell; None when none is needed.
        inline_env: `VAR=x cmd` with plain texts: the process gets these.
        inline_dynamic: names of inline variables whose text only the shell can tell.
        inline_defaults: for those, the text when nothing is set (`PORT=${PORT:-3001}` → `3001`).
        port_env: variable that carries the port, "" for none.
        program: first program word, for the missing-tool rule; "" when unknown.
        cwd: the service's folder, absolute.
        command: the text that people wrote or that the type gave.
        spot: where that text stands.
        script: the package.json script it runs, if any; it may be another folder's.
    """

    argv: tuple[str, ...]
    shell_text: str | None = None
    inline_env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    inline_dynamic: tuple[str, ...] = ()
    inline_defaults: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    port_env: str = ""
    program: str = ""
    cwd: Path = Path()
    command: str = ""
    spot: Spot = field(default_factory=lambda: Spot(path="", line=1, key=""))
    script: Script | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What a page server works on; all absolute.

    Attributes:
        cwd: where it is started.
        root: the folder named on the command line (`vite web`, `next dev web`), else None.
        config: the configuration named there (`--config`), else None.
    """

    cwd: Path
    root: Path | None = None
    config: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder of the pages, as far as the command line says."""
        return self.root or self.cwd


def launch(stack: Stack, service: Service) -> Launch | None:
    """How `service` is started. Reads package.json and lockfiles, runs nothing.

    None for types that devstack does not start, and for a service without a command, which only a stack with
    mistakes (`load_tolerant`) can hold.
    """
    text, spot = _text(stack, service)
    if text is None or not defaults.starts(service):
        return None
    folder = folder_of(stack, service)
    command = shell_words.read(text)
    script = _script(command.words or (), folder)
    words = command.words
    if words is not None and service.port is not None and not scripts.is_elsewhere(words):
        words += port_flags(service.type, service.port, words, script)
    argv, shell_text = _argv(command, words)
    return Launch(
        argv=argv,
        shell_text=shell_text,
        inline_env={one.name: one.text for one in command.assignments if one.text is not None},
        inline_dynamic=tuple(one.name for one in command.assignments if one.text is None),
        inline_defaults=_inline_defaults(command),
        port_env=defaults.port_env(service),
        program=command.program,
        cwd=folder,
        command=text,
        spot=spot,
        script=script,
    )


def _script(words: tuple[str, ...], folder: Path) -> Script | None:
    if not words or words[0] not in package.MANAGERS:
        return None
    from devstack.stack.pages import behind

    return behind(words, folder)


def pages(stack: Stack, service: Service) -> Pages:
    """Which folder and configuration the page server of `service` works on; its own folder for other types."""
    folder = folder_of(stack, service)
    text = _text(stack, service)[0] if service.type in PAGE_SERVERS else None
    if text is None:
        return Pages(cwd=folder)
    from devstack.stack.pages import find

    return find(service.type, text, folder)


def folder_of(stack: Stack, service: Service) -> Path:
    """Where `service` runs, absolute."""
    return _below(stack.root, service.dir)


@lru_cache(maxsize=16384)  # each of thousands of services is asked for its folder again and again
def _below(root: Path, relative: str) -> Path:
    return root / relative


def _text(stack: Stack, service: Service) -> tuple[str | None, Spot]:
    """The command's text and where it stands: stack.toml, the Procfile, package.json, or the type."""
    if service.command is not None:
        return service.command, stack.spot(f"services.{service.name}.command")
    spot = stack.spot(f"services.{service.name}.type")
    wanted = defaults.of(service).scripts
    if not wanted:
        return None, spot
    folder = folder_of(stack, service)
    own = package.read(folder)
    name = next((name for name in wanted if own is not None and name in own.scripts), None)
    if name is None and service.type in PAGE_SERVERS:
        return f"npx {PAGE_SERVERS[service.type].default}", spot
    if own is not None and name is not None:
        path = Path(service.dir, "package.json").as_posix()
        spot = Spot(path=path, line=own.lines.get(name, 1), key=f"scripts.{name}")
    which = package.manager(folder, stack.root)
    return f"{which} run {name or wanted[0]}", spot


def _argv(command: shell_words.Command, words: tuple[str, ...] | None) -> tuple[tuple[str, ...], str | None]:
    """argv, and the shell's text where one is needed.

    One simple command replaces the shell (`exec`), so that signals reach the program itself; assignments
    before `exec` are exported by every POSIX shell.
    """
    dynamic = [one for one in command.assignments if one.text is None]
    if words is not None and not dynamic:
        return words, None
    rest = command.rest if words is None else _joined(words)
    before = "".join(f"{one.name}={one.raw} " for one in command.assignments)
    text = f"{before}{'exec ' if command.is_single else ''}{rest}"
    return (SHELL, "-c", text), text


def _joined(words: tuple[str, ...]) -> str:
    import shlex

    return shlex.join(words)


def _inline_defaults(command: shell_words.Command) -> dict[str, str]:
    found = {}
    for one in command.assignments:
        text = shell_words.default_of(one.raw) if one.text is None else None
        if text is not None:
            found[one.name] = text
    return found
