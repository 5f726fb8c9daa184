"""Env changes: which values really changed, for which running services, and what follows.

Watched are the folders of every file that a loader could read, also files that do not exist yet. After a short
quiet the environments are resolved anew and compared, value by value, with what each process was started with.
Comments, order and whitespace therefore change nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from devstack.env.child import child_environment
from devstack.env.files import Files
from devstack.env.model import Environment
from devstack.env.resolve import resolve
from devstack.host import folder_watch
from devstack.records import dataclass
from devstack.run.events import EnvChanged
from devstack.run.facts import RestartRequested
from devstack.run.hub import Hub
from devstack.run.state import Phase
from devstack.stack import defaults
from devstack.stack.launch import launch
from devstack.stack.model import OnChange, Stack

SETTLE = 0.05
LONGEST_SETTLE = 2.0
CONCERNED = frozenset(
    {Phase.STARTING, Phase.READY, Phase.DEGRADED, Phase.STOPPING, Phase.BACKOFF, Phase.FAILED}
)
"""Phases in which a changed value means something: it runs with the old one, or failed with it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Given:
    """What one process was started with: its environment's values, and its process's variables."""

    values: Mapping[str, str | None]
    process: Mapping[str, str]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed for one service; `needs_restart`: its process itself would be given other variables."""

    service: str
    variables: tuple[str, ...]
    files: tuple[str, ...]
    needs_restart: bool


class EnvWatch:
    """Watches the files of one run and asks it for restarts."""

    def __init__(
        self,
        stack: Stack,
        names: Iterable[str],
        *,
        process: Mapping[str, str],
        hub: Hub,
        learn: Callable[[Iterable[Environment]], None] = lambda environments: None,
        judge: Callable[[], str] = lambda: "",
        settle: float = SETTLE,
        current: Callable[[], Stack] | None = None,
    ) -> None:
        """`learn` hears every environment as it is now, whether it is acted on or not.

        `judge` tells what is wrong with the files now that was right when the run began; "" = nothing.

        `current` gives the stack that runs, where it is another one than `stack` declares (`--isolate`).
        """
        self._stack = stack
        self._current = current
        self._running = stack
        self._names = tuple(name for name in names if defaults.starts(stack.services[name]))
        self._process = process
        self._hub = hub
        self._learn = learn
        self._judge = judge
        self._settle = settle
        self._given: dict[str, Given] = {}
        self._stack_mark = _mark(stack.path)
        self._timer: asyncio.TimerHandle | None = None
        self._first_change = 0.0
        self._told: object = None
        self._told_stack = ""
        self._watch: folder_watch.FolderWatch | None = None

    def adopt(
        self,
        stack: Stack,
        names: Iterable[str],
        *,
        current: Callable[[], Stack] | None,
        settle: float,
        unchanged: frozenset[str],
    ) -> None:
        """The run goes on with another stack; what starts anew tells what it is started with."""
        self._stack, self._current, self._running = stack, current, stack
        self._names = tuple(name for name in names if defaults.starts(stack.services[name]))
        self._settle = settle
        self._given = {name: given for name, given in self._given.items() if name in unchanged}
        self._told = None
        self._told_stack = ""
        self._refresh()

    def start(self, since: float = math.inf) -> None:
        """Begin to watch; called in the event loop.

        What changed before, but not before `since` (seconds since the epoch), may have missed the first processes.
        """
        self._loop = asyncio.get_running_loop()
        self._watch = folder_watch.watch(self._loop, self._changed)
        self._refresh()
        if any(_changed_at(path) >= since for one in self._given.values() for path in one.files):
            self._changed("")

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.close()

    def started(self, service: str, environment: Environment) -> None:
        """A process of `service` is being started with `environment`."""
        self._running = self._current() if self._current is not None else self._stack
        is_new = service not in self._given
        self._given[service] = self._as_given(service, environment)
        if is_new and self._watch is not None:
            self._refresh()

    def check(self) -> None:
        """Look now: resolve anew, compare, act."""
        self._timer = None
        self._refresh()
        self._check_stack_file()
        self._running = self._current() if self._current is not None else self._stack
        found = resolve(
            self._running, process=self._process, files=Files(self._stack.root), services=self._names
        )
        self._learn(found.values())
        state = self._hub.state
        differences = [
            one
            for name in self._names
            if name in self._given and state.services[name].phase in CONCERNED
            if (one := self._difference(name, self._as_given(name, found[name]))) is not None
        ]
        if not differences:
            self._told = None
            return
        problem = self._judge()
        if problem:
            self._tell(differences, "held", problem)
            return
        self._act(differences, found)

    def _act(self, differences: list[Difference], found: Mapping[str, Environment]) -> None:
        by_action: dict[str, list[Difference]] = {}
        for one in differences:
            by_action.setdefault(self._action(one), []).append(one)
        for action in ("ignore", "auto"):
            for one in by_action.get(action, ()):
                self._given[one.service] = self._as_given(one.service, found[one.service])
            if action in by_action:
                self._tell(by_action[action], action)
        if restarts := by_action.get("restart"):
            self._tell(restarts, "restart")
            for one in restarts:
                self._given[one.service] = self._as_given(one.service, found[one.service])
            variables = sorted({name for one in restarts for name in one.variables})
            self._hub.post(
                RestartRequested(
                    services=tuple(one.service for one in restarts),
                    reason=f"{', '.join(variables[:3])}{' …' if len(variables) > 3 else ''} changed",
                )
            )
        self._told = None

    def _action(self, one: Difference) -> str:
        declared = self._stack.services[one.service]
        wanted = defaults.on_change(declared)
        if wanted is OnChange.AUTO and self._hub.state.services[one.service].phase is Phase.FAILED:
            return "restart"
        if wanted is OnChange.AUTO:
            return "restart" if one.needs_restart else "auto"
        return wanted.value

    def _tell(self, differences: list[Difference], action: str, detail: str = "") -> None:
        event = EnvChanged(
            services=tuple(one.service for one in differences),
            variables=tuple(sorted({name for one in differences for name in one.variables})),
            files=tuple(sorted({name for one in differences for name in one.files})),
            action=action,
            detail=detail,
        )
        if event != self._told:
            self._told = event
            self._hub.publish(event)

    def _difference(self, service: str, now: Given) -> Difference | None:
        before = self._given[service]
        names = {
            name
            for name in before.values.keys() | now.values.keys()
            if _differs(name, before.values, now.values)
        }
        process = {
            name
            for name in before.process.keys() | now.process.keys()
            if before.process.get(name) != now.process.get(name)
        }
        if not names and not process:
            return None
        return Difference(
            service=service,
            variables=tuple(sorted(names | process)),
            files=tuple(_shown(path, self._stack.root) for path in now.files if path.exists()),
            needs_restart=bool(process),
        )

    def _as_given(self, service: str, environment: Environment) -> Given:
        running = self._running.services[service]
        how = launch(self._running, running)
        return Given(
            values={name: value.text for name, value in environment.variables.items()},
            process=child_environment(self._running, running, environment, process=self._process, launch=how),
            files=tuple(layer.path for layer in environment.layers),
        )

    def _refresh(self) -> None:
        """Watch the folders of all files as they are now; a link's target counts as well."""
        if self._watch is None:
            return
        files = {self._stack.path} | {path for one in self._given.values() for path in one.files}
        self._interesting = {path.name for path in files}
        folders: set[Path] = set()
        for path in files:
            folders.add(_nearest(path.parent))
            if path.is_symlink():
                target = Path(os.path.realpath(path))
                self._interesting.add(target.name)
                folders.add(_nearest(target.parent))
        self._interesting |= {folder.name for folder in folders}
        self._watch.set(folders)

    def _changed(self, name: str) -> None:
        """Something changed in a watched folder: wait for quiet, but not for ever."""
        if name and name not in self._interesting:
            return
        now = self._loop.time()
        if self._timer is None:
            self._first_change = now
        else:
            self._timer.cancel()
        wait = self._settle if now - self._first_change < LONGEST_SETTLE else 0.0
        self._timer = self._loop.call_later(wait, self.check)

    def _check_stack_file(self) -> None:
        mark = _mark(self._stack.path)
        if mark == self._stack_mark:
            return
        self._stack_mark = mark
        detail = _stack_difference(self._stack)
        if detail != self._told_stack:
            self._told_stack = detail
            detail = detail or "it means again what runs"
            self._hub.publish(EnvChanged(files=(self._stack.path.name,), action="stack-file", detail=detail))


def _stack_difference(before: Stack) -> str:
    """What the changed stack.toml would mean, in words; "" when it means the same."""
    from devstack.errors import StackFileError
    from devstack.stack import load
    from devstack.stack.difference import difference

    try:
        now = load.load(before.path)
    except StackFileError as problem:
        return "\n".join(["it has errors now; this run goes on as it was:", *map(str, problem.problems)])
    what = difference(before, now)
    return f"it {what}: `devstack restart --all` applies it" if what else ""


def _differs(name: str, before: Mapping[str, str | None], now: Mapping[str, str | None]) -> bool:
    return (name in before) != (name in now) or before.get(name) != now.get(name)


def _nearest(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _changed_at(path: Path) -> float:
    """When the file, or what lies in its folder where it is not there, changed last."""
    for place in (path, path.parent):
        with suppress(OSError):
            return place.stat().st_ctime
    return 0.0


def _mark(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b""
