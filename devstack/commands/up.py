"""`devstack up`: load → checks → ports → setup → run. The recipe; each step decides elsewhere."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import RefusedError, SystemProblem, unknown_service
from devstack.host.private_folder import PrivateFolder
from devstack.host.state_file import Lock
from devstack.records import dataclass, replace
from devstack.run import events

if TYPE_CHECKING:
    from devstack.commands.up_isolate import MovedStack
    from devstack.settings import Settings
    from devstack.stack.model import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        folder: where the search for stack.toml starts.
        environment: the environment devstack was started with.
        ask: puts a yes/no question to the person; None where nobody can be asked.
        timeout: seconds until everything must be ready; None = as long as it takes.
        fails_fast: nobody watches: a service that fails for good before everything is ready ends the run.
        isolate: move every port, to run beside another checkout.
    """

    folder: Path
    environment: Mapping[str, str]
    ask: Callable[[str], bool] | None = None
    services: tuple[str, ...] = ()
    yes: bool = False
    check: bool = True
    profiles: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    wait: bool = False
    timeout: float | None = None
    exit_when_done: bool = False
    fails_fast: bool = False
    as_json: bool = False
    isolate: bool = False

    def consent(self, question: str) -> bool:
        """Whether the person agrees: `--yes`, or an answer on the terminal."""
        if self.yes:
            return True
        return self.ask is not None and self.ask(question)


def up(request: Request) -> int:
    """Run the stack until it ends; the exit code of the run."""
    gc.disable()  # what the start makes stays: looking through it again and again is a tenth of the start
    from devstack.commands import up_checks
    from devstack.stack import defaults, graph, load
    from devstack.supervisor.plan import Setups

    started = time.time()
    stack = load.load(load.find(request.folder))
    own = _own_options(stack, request)
    request = replace(
        request,
        profiles=own.profiles,
        timeout=own.timeout,
        as_json=request.as_json or own.log_format == "json",
    )
    declared = stack
    if own.grace is not None:
        stack = defaults.with_grace(stack, own.grace)
    names = _selected(stack, request)
    folder, lock, holder = _claimed(stack.root, wait=request.wait)
    if holder is not None:
        raise RefusedError(
            f"this stack is already up (pid {holder})." if holder else "this stack is already up.",
            hint="`devstack ps` shows it, `devstack down` stops it.",
        )
    try:
        early: list[events.Event] = []
        setups = Setups(stack, folder)
        due = setups.due(names)
        up_checks.refuse_clashes(stack, names)
        up_checks.create_env_files(stack, request)
        check = up_checks.begin_check(stack, request)
        up_checks.require_tools(stack, names, request.environment, due)
        up_checks.stop_leftovers(folder, request)
        _load_parts()
        checked, baseline = up_checks.end_check(check, request)
        early.append(checked)
        moved = _isolated(stack, request) if request.isolate else None
        stack = stack if moved is None else moved.isolation.stack
        early += up_checks.free_ports(stack, names, request)
        up_checks.consent_to_setup(stack, due, request)
        ordered = tuple(name for layer in graph.order(stack, names) for name in layer)
        from devstack.commands import up_run

        job = up_run.Job(
            stack=stack,
            declared=declared,
            names=ordered,
            folder=folder,
            lock=lock,
            setups=setups,
            due=due,
            request=request,
            early=tuple(early),
            started=started,
            baseline=baseline,
            moved=moved,
            own=own,
        )
        return up_run.in_background(job) if request.wait else up_run.in_foreground(job)
    finally:
        lock.release()


# Imported where they are used; the first service waits for all of them.
_PARTS = (
    *("asyncio", "ctypes", "devstack.commands.up_run", "devstack.control.server", "devstack.views.addresses"),
    *("devstack.views.console", "devstack.views.screen", "devstack.views.timing"),
    "devstack.host.windows" if sys.platform == "win32" else "devstack.host.posix",
)


def _load_parts() -> None:
    """Import what the first start needs: it takes as long as the check that we would wait for."""
    for name in _PARTS:
        import_module(name)


def _claimed(root: Path, *, wait: bool) -> tuple[PrivateFolder, Lock, int | None]:
    """The run's folder with its lock; elsewhere for this run only where the stack's folder takes no files."""
    folder = PrivateFolder.beside(root)
    try:
        folder.create()
        lock = Lock(folder)
        return folder, lock, lock.acquire()
    except OSError as problem:
        if wait:  # nobody would find it again to stop it
            raise SystemProblem(
                f"{folder.path} cannot be written ({problem.strerror}), and a run in the background needs it.",
                hint="`devstack up` without --wait runs in the foreground.",
            ) from None
        import tempfile

        elsewhere = PrivateFolder(Path(tempfile.mkdtemp(prefix="devstack-")))
        print(
            f"warning: {folder.path} cannot be written ({problem.strerror}): the logs of this run are in "
            f"{elsewhere.path / 'logs'}; `devstack ps`, `logs` and `down` do not find it.",
            file=sys.stderr,
        )
        lock = Lock(elsewhere)
        return elsewhere, lock, lock.acquire()


def _isolated(stack: Stack, request: Request) -> MovedStack:
    from devstack.commands.up_isolate import MovedStack
    from devstack.views.isolation import text

    moved = MovedStack(stack, request.environment)
    print(text(moved.isolation, moved.remarks()), file=sys.stderr)
    return moved


def _own_options(stack: Stack, request: Request) -> Settings:
    from devstack.settings import resolve

    flags = {"profiles": request.profiles or None, "timeout": request.timeout}
    return resolve(stack.settings, request.environment, flags).settings


def _selected(stack: Stack, request: Request) -> tuple[str, ...]:
    from devstack.stack import graph, pending

    for note in pending.not_acted_on(stack):
        print(f"note: {note}", file=sys.stderr)
    for name in (*request.services, *request.without):
        if name not in stack.services:
            raise unknown_service(name, stack.services)
    return graph.select(stack, request.services, profiles=request.profiles, without=request.without)
