"""`devstack restart --all` with a changed stack.toml: the checks of `up` once more, then the run goes over to it.

Everything here may fail without consequences: whoever calls keeps the old stack. Nobody can be asked, so what
needs consent is refused unless `--yes` was given to `up` or to `restart`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devstack.commands import up_checks
from devstack.commands.up_job import Job
from devstack.errors import FindingsError, RefusedError, UsageError
from devstack.records import dataclass, replace
from devstack.stack import defaults, graph, load
from devstack.stack.difference import difference
from devstack.supervisor.plan import Setups

if TYPE_CHECKING:
    from devstack.commands.up_job import Request
    from devstack.run import events
    from devstack.stack.model import Stack
    from devstack.supervisor.plan import DueSetup


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """The job that takes over, and what changes in words."""

    job: Job
    detail: str


def succession(job: Job, *, yes: bool) -> Succession | None:
    """The job for stack.toml as it is now; None when it means what runs. Raises what `up` would raise."""
    declared = load.load(job.declared.path)
    detail = difference(job.declared, declared)
    if not detail:
        return None
    request = replace(job.request, yes=job.request.yes or yes, ask=None)
    stack = declared if job.own.grace is None else defaults.with_grace(declared, job.own.grace)
    names = _selected(stack, request)
    setups = Setups(stack, job.folder)
    due = setups.due(names)
    up_checks.refuse_clashes(stack, names)
    up_checks.require_tools(stack, names, request.environment, due)
    baseline = _checked(stack, job)
    moved = None if job.moved is None else job.moved.succeed(stack)
    stack = stack if moved is None else moved.isolation.stack
    _require_consent(due, request)
    early: Sequence[events.Event] = up_checks.free_ports(stack, names, request, ours=_ports(job))
    made = replace(
        job,
        stack=stack,
        declared=declared,
        names=tuple(name for layer in graph.order(stack, names) for name in layer),
        setups=setups,
        due=due,
        early=tuple(early),
        baseline=baseline,
        moved=moved,
    )
    return Succession(job=made, detail=detail)


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
