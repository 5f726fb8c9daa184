"""`devstack restart --all` with a changed stack.toml: the checks of `up` once more, then the run goes over to it.

A service whose process would be started just as it was, and whose gate is the same, runs on.

Everything here may fail without consequences: whoever calls keeps the old stack. Nobody can be asked, so what
needs consent is refused unless `--yes` was given to `up` or to `restart`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from devstack.commands import up_checks
from devstack.commands.up_job import Job
from devstack.env.child import child_environment
from devstack.env.files import Files
from devstack.env.resolve import resolve
from devstack.errors import FindingsError, RefusedError, UsageError
from devstack.records import dataclass, replace
from devstack.stack import defaults, graph, load
from devstack.stack.difference import changed_fields, difference
from devstack.stack.launch import launch
from devstack.supervisor.plan import Setups

if TYPE_CHECKING:
    from devstack.commands.up_job import Request
    from devstack.stack.model import Stack
    from devstack.supervisor.plan import DueSetup

_APPLIED_TO_WHAT_RUNS = frozenset(
    {"restart", "stop", "setup", "depends_on", "optional", "profiles", "hosts", "source"}
)
"""Keys of a service that mean something to the run, and nothing to its process or its gate."""
_LATER = ("colour", "log_format", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """The job that takes over, and what changes in words.

    Attributes:
        unchanged: services whose process need not be another one.
        later: options of `[devstack]` that count from the next `up` on.
    """

    job: Job
    detail: str
    unchanged: frozenset[str]
    later: tuple[str, ...]


def succession(job: Job, *, yes: bool) -> Succession | None:
    """The job for stack.toml as it is now; None when it means what runs. Raises what `up` would raise."""
    declared = load.load(job.declared.path)
    detail = difference(job.declared, declared)
    if not detail:
        return None
    own, request, stack = job.asked.with_own_options(declared)
    request = replace(request, yes=request.yes or yes, ask=None)
    names = _selected(stack, request)
    setups = Setups(stack, job.folder)
    due = setups.due(names)
    up_checks.refuse_clashes(stack, names)
    up_checks.require_tools(stack, names, request.environment, due)
    baseline = _checked(stack, job)
    moved = None if job.moved is None else job.moved.succeed(stack)
    stack = stack if moved is None else moved.isolation.stack
    _require_consent(due, request)
    made = replace(
        job,
        stack=stack,
        declared=declared,
        names=tuple(name for layer in graph.order(stack, names) for name in layer),
        setups=setups,
        due=due,
        request=request,
        early=tuple(up_checks.free_ports(stack, names, request, ours=_ports(job))),
        baseline=baseline,
        moved=moved,
        own=own,
    )
    later = tuple(name for name in _LATER if getattr(own, name) != getattr(job.own, name))
    return Succession(job=made, detail=detail, unchanged=_unchanged(job, made), later=later)


def _unchanged(before: Job, now: Job) -> frozenset[str]:
    """Services of both for which the same process would be started, and that no setup step prepares anew."""
    names = set(before.names) & set(now.names) - {one.service for one in now.due}
    ran = before.stack if before.moved is None else before.moved.current()
    process = now.request.environment
    old, new = (_starts(stack, names, process) for stack in (ran, now.stack))
    return frozenset(
        name
        for name in names
        if old.get(name) == new.get(name)
        and set(changed_fields(ran.services[name], now.stack.services[name])) <= _APPLIED_TO_WHAT_RUNS
    )


def _starts(stack: Stack, names: Iterable[str], process: Mapping[str, str]) -> dict[str, object]:
    """How each process is started, and with which variables."""
    found = resolve(stack, process=process, files=Files(stack.root), services=names)
    started: dict[str, object] = {}
    for name in names:
        service = stack.services[name]
        how = launch(stack, service) if defaults.starts(service) else None
        if how is not None:  # all of it but the place where it is declared
            environment = child_environment(stack, service, found[name], process=process, launch=how)
            started[name] = how.argv, how.cwd, environment
    return started


def _require_consent(due: Sequence[DueSetup], request: Request) -> None:
    """Setup steps run programs of the repository."""
    if due and not request.yes:
        words = ", ".join(f"{one.service} ({one.reason})" for one in due)
        raise RefusedError(f"setup is due of {words}.", hint="`devstack restart --all --yes` runs it.")


def _ports(job: Job) -> frozenset[int]:
    """Ports that the services of this run hold, or could hold, and give back before the others start."""
    return frozenset(port.number for name in job.names for port in job.stack.services[name].all_ports)


def _selected(stack: Stack, request: Request) -> tuple[str, ...]:
    """As at `up`, without the names that are gone."""
    wanted = tuple(name for name in request.services if name in stack.services)
    if request.services and not wanted:
        raise UsageError(
            f"none of the services that this run was started with is in {stack.path.name} any more.",
            hint="`devstack down`, then `devstack up`.",
        )
    without = tuple(name for name in request.without if name in stack.services)
    return graph.select(stack, wanted, profiles=request.profiles, without=without)


def _checked(stack: Stack, job: Job) -> frozenset[up_checks.FindingKey] | None:
    """Doctor on the new state: errors that the run had not before end it here."""
    if job.baseline is None:
        return None
    found = up_checks.new_errors(stack, job.request, job.baseline)
    if found:
        raise FindingsError(f"the changed configuration has errors:\n{found}", hint="`devstack doctor`")
    return job.baseline
