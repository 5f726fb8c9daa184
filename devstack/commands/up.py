"""`devstack up`: load → checks → ports → setup → run. The recipe; each step decides elsewhere."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.commands import up_checks
from devstack.commands.up_checks import Check
from devstack.commands.up_job import Job, Request
from devstack.errors import RefusedError, SystemProblem, unknown_service
from devstack.host.private_folder import PrivateFolder
from devstack.host.run_lock import Lock
from devstack.records import replace
from devstack.stack import graph, load, pending

if TYPE_CHECKING:
    from devstack.commands.up_isolate import MovedStack
    from devstack.stack.model import Stack


def up(request: Request) -> int:
    """Run the stack until it ends; the exit code of the run."""
    gc.disable()  # what the start makes stays: looking through it again and again is a tenth of the start
    started = time.time()
    declared = load.load(load.find(request.folder))
    asked, (own, request, stack) = request, request.with_own_options(declared)
    names = _selected(stack, request)
    folder, lock = _claimed(stack.root, wait=request.wait)
    try:
        up_checks.refuse_clashes(stack, names)
        up_checks.create_env_files(stack, request)
        check = up_checks.begin_check(stack, request)
        from devstack.supervisor.plan import Setups  # this and all that follows is loaded beside the check

        setups = Setups(stack, folder)
        job = Job(
            stack=stack,
            declared=declared,
            names=names,
            folder=folder,
            lock=lock,
            setups=setups,
            due=setups.due(names),
            asked=asked,
            request=request,
            started=started,
            own=own,
        )
        return _run(job, check)
    finally:
        lock.release()


def _run(job: Job, check: Check) -> int:
    up_checks.require_tools(job.stack, job.names, job.request.environment, job.due)
    up_checks.stop_leftovers(job.folder, job.request)
    if job.request.wait:
        from devstack.commands.up_run import in_background

        return in_background(_checked(job, check))
    from devstack.commands.up_first import First

    with First() as first:
        first.start(_checked(job, check))
        from devstack.commands.up_run import in_foreground  # loads while the first services do

        return in_foreground(first)


def _checked(job: Job, check: Check) -> Job:
    """The job with what its checks found out. Raises what forbids to start anything."""
    request = job.request
    checked, baseline = up_checks.end_check(check, request)
    moved = _isolated(job.stack, request) if request.isolate else None
    stack = job.stack if moved is None else moved.isolation.stack
    freed = up_checks.free_ports(stack, job.names, request)
    up_checks.consent_to_setup(stack, job.due, request)
    ordered = tuple(name for layer in graph.order(stack, job.names) for name in layer)
    return replace(job, stack=stack, names=ordered, early=(checked, *freed), baseline=baseline, moved=moved)


def _claimed(root: Path, *, wait: bool) -> tuple[PrivateFolder, Lock]:
    """The run's folder with its lock; elsewhere for this run only where the stack's folder takes no files."""
    folder = PrivateFolder.beside(root)
    try:
        folder.create()
        return folder, _locked(folder)
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
        return elsewhere, _locked(elsewhere)


def _locked(folder: PrivateFolder) -> Lock:
    lock = Lock(folder)
    holder = lock.acquire()
    if holder is not None:
        raise RefusedError(
            f"this stack is already up (pid {holder})." if holder else "this stack is already up.",
            hint="`devstack ps` shows it, `devstack down` stops it.",
        )
    return lock


def _isolated(stack: Stack, request: Request) -> MovedStack:
    from devstack.commands.up_isolate import MovedStack
    from devstack.views.isolation import text

    moved = MovedStack(stack, request.environment)
    print(text(moved.isolation, moved.remarks()), file=sys.stderr)
    return moved


def _selected(stack: Stack, request: Request) -> tuple[str, ...]:
    for note in pending.not_acted_on(stack):
        print(f"note: {note}", file=sys.stderr)
    for name in (*request.services, *request.without):
        if name not in stack.services:
            raise unknown_service(name, stack.services)
    return graph.select(stack, request.services, profiles=request.profiles, without=request.without)
