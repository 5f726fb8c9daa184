"""`devstack ports`: which ports are meant, their state, and freeing them with consent."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.commands.port_targets import Asked, asked_ports, declared_ports
from devstack.contract.port_context import context_of, ports_in_use
from devstack.errors import ExitCode, UsageError
from devstack.host import ports as host
from devstack.host.port_numbers import remark
from devstack.records import dataclass, replace
from devstack.views import ports as view
from devstack.views.style import detect

if TYPE_CHECKING:
    from devstack.stack.model import Stack

_WATCH_PAUSE = 0.5  # seconds; one look costs well under a millisecond while nothing changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        folder: where the search for stack.toml starts.
        targets: ports, ranges and service names; empty = all declared.
        grace: a duration as text, or None for the default.
    """

    folder: Path
    environment: Mapping[str, str]
    targets: tuple[str, ...] = ()
    everything: bool = False
    udp: bool = False
    as_json: bool = False
    watch: bool = False
    dry_run: bool = False
    yes: bool = False
    force: bool = False
    grace: str | None = None


def show(request: Request) -> int:
    """The table, once or until interrupted."""
    if request.dry_run or request.yes or request.force or request.grace:
        raise UsageError("--dry-run, --yes, --force and --grace belong to --kill.")
    stack = _stack(request)
    claimed = _claimed(request, stack)
    if request.watch:
        _watch(request, stack, claimed)
    else:
        _write(_shown(request, _rows(request, stack, claimed)))
    return int(ExitCode.OK)


def _shown(request: Request, rows: list[view.Row]) -> str:
    if request.as_json:
        return view.as_json(rows)
    if not rows and not request.everything:
        return "stack.toml declares no ports."
    return view.table(rows, detect(sys.stdout, request.environment), time.time())


def _rows(request: Request, stack: Stack | None, claimed: list[Asked]) -> list[view.Row]:
    context = _context(request, stack)
    declared = _joined(_declared(stack, context), claimed)
    names = {entry.port: entry for entry in declared}
    if request.everything and not request.targets:
        found = host.udp_status(None, context) if request.udp else host.every_listener(context)
        asked = [names.get(status.port, Asked(port=status.port)) for status in found]
    else:
        asked = asked_ports(request.targets, declared)
        look = host.udp_status if request.udp else host.status
        found = look([entry.port for entry in asked], context)
    by_port = {status.port: status for status in found}
    return [
        view.Row(
            status=_remarked(by_port[entry.port], entry),
            service=entry.service,
            role=entry.role,
            declared=entry.declared,
        )
        for entry in asked
    ]


def _remarked(status: host.PortStatus, entry: Asked) -> host.PortStatus:
    """Where a port is claimed that stack.toml does not name; its number may be a bad choice even while it is free."""
    if not entry.service or status.note:
        return status
    return replace(status, note=entry.claimed_by or remark(status.port))


def _claimed(request: Request, stack: Stack | None) -> list[Asked]:
    """Ports for hot reload and inspectors that only a service's configuration names; none where numbers are asked."""
    if stack is None or all(target[:1].isdigit() for target in request.targets or ("every",)):
        return []
    from devstack.commands.doctor import inspect
    from devstack.rules.claims import undeclared_helpers

    inspection = inspect(request.folder, request.environment)
    return [
        Asked(
            port=claim.port,
            service=service.name,
            role=claim.role,
            claimed_by=f"{claim.words} ({claim.place.path}:{claim.place.line})",
        )
        for service in stack.services.values()
        for claim in undeclared_helpers(inspection, service)
    ]


def _joined(declared: list[Asked], claimed: list[Asked]) -> list[Asked]:
    """Each service's declared ports, then what only its configuration claims."""
    known = {(entry.service, entry.role) for entry in declared}
    further = [entry for entry in claimed if (entry.service, entry.role) not in known]
    services = dict.fromkeys(entry.service for entry in (*declared, *further))
    return [entry for name in services for entry in (*declared, *further) if entry.service == name]


def _watch(request: Request, stack: Stack | None, claimed: list[Asked]) -> None:
    """Print the table again when something changed; on a terminal in place of the old one."""
    in_place = sys.stdout.isatty() and not request.as_json
    seen: object = None
    while True:
        rows = _rows(request, stack, claimed)
        state = [
            (row.status.port, row.status.state, [_who(holder) for holder in row.status.holders])
            for row in rows
        ]
        if state != seen:
            seen = state
            head = "\x1b[H\x1b[2J" if in_place else ""
            _write(head + _shown(request, rows) + ("" if in_place or request.as_json else "\n"))
        time.sleep(_WATCH_PAUSE)


def _who(holder: host.Holder) -> tuple[object, ...]:
    return holder.pid, holder.started_at, holder.address, holder.detail


def kill(request: Request) -> int:
    """Free the ports of the targets, after consent. Exit code: the worst of all ports."""
    if request.everything or request.watch or request.udp:
        raise UsageError("--kill does not go with --all, --watch or --udp.")
    if not request.targets:
        raise UsageError("--kill needs the ports to free.", hint="devstack ports --kill 3001")
    grace = _grace(request.grace)
    stack = _stack(request)
    context = _context(request, stack)
    asked = asked_ports(request.targets, _declared(stack, context))
    proposal = host.propose([entry.port for entry in asked], context, force=request.force)
    consent = _consent(request, proposal)
    if not consent.is_given:
        return _report(request, asked, proposal, results=[], refusal=consent.refusal)
    results = host.carry_out(proposal, context, grace=grace)
    return _report(request, asked, proposal, results=results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Consent:
    is_given: bool
    refusal: tuple[ExitCode, str, str | None] | None = None


def _consent(request: Request, proposal: host.Proposal) -> _Consent:
    """Show what would happen, and get a yes: from `--yes`, or from a person at a terminal."""
    if not proposal.trees and not proposal.refusals:
        return _Consent(is_given=True)  # to nothing; the result says so
    style = detect(sys.stdout, request.environment)
    can_ask = not request.as_json and sys.stdin.isatty() and sys.stdout.isatty()
    will_stop = request.yes and not request.dry_run
    if not request.as_json:
        _write(view.proposal_text(proposal, style, will_stop=will_stop))
    if request.dry_run:
        refusal = (ExitCode.REFUSED, "some ports would stay held", None) if proposal.refusals else None
        return _Consent(is_given=False, refusal=refusal)
    if not proposal.trees or request.yes:
        return _Consent(is_given=True)
    if not can_ask:
        message = "nobody can be asked, so nothing was stopped"
        return _Consent(is_given=False, refusal=(ExitCode.REFUSED, message, "add --yes to stop them"))
    sys.stdout.write("Stop them? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return _Consent(is_given=True)
    return _Consent(is_given=False, refusal=(ExitCode.REFUSED, "nothing was stopped", None))


def _report(
    request: Request,
    asked: list[Asked],
    proposal: host.Proposal,
    *,
    results: list[host.Freed],
    refusal: tuple[ExitCode, str, str | None] | None = None,
) -> int:
    code, message, hint = refusal or _verdict(results)
    if request.as_json:
        names = {entry.port: (entry.service, entry.role) for entry in asked}
        error = None
        if code is not ExitCode.OK:
            kind = {ExitCode.REFUSED: "refused", ExitCode.SYSTEM: "system"}.get(code, "port-held")
            error = {"code": int(code), "kind": kind, "message": message, **({"hint": hint} if hint else {})}
        _write(view.freed_json(proposal, results, names, error))
        return int(code)
    if results:
        _write(view.freed_text(results, detect(sys.stdout, request.environment)))
    elif refusal is not None and not request.dry_run:
        _write(f"{message[0].upper()}{message[1:]}{f'; {hint}' if hint else ''}.")
    return int(code)


def _verdict(results: list[host.Freed]) -> tuple[ExitCode, str, str | None]:
    outcomes = {result.outcome for result in results}
    details = "; ".join(f"port {entry.port}: {entry.detail}" for entry in results if entry.detail)
    if host.Outcome.REFUSED in outcomes:
        return ExitCode.REFUSED, details, None
    if outcomes & {host.Outcome.STILL_HELD, host.Outcome.RESPAWNED}:
        return ExitCode.PORT_HELD, details, None
    return ExitCode.OK, "", None


def _grace(text: str | None) -> float:
    if text is None:
        return host.GRACE
    from devstack import durations

    try:
        return durations.parse(text)
    except ValueError as problem:
        raise UsageError(f"--grace: {problem}") from None


def _stack(request: Request) -> Stack | None:
    """The stack, tolerantly; None where none is needed and none can be used."""
    needed = not request.everything and (
        not request.targets or any(not target[:1].isdigit() for target in request.targets)
    )
    if not needed and not any((place / "stack.toml").exists() for place in _upward(request.folder)):
        return None  # the usual case of `ports 3001`: reading stack.toml costs as much as everything else
    from devstack.errors import StackFileError
    from devstack.stack import load

    try:
        path = load.find(request.folder)
    except StackFileError as problem:
        if needed:
            hint = "`devstack ports 3001` and `devstack ports --all` work without one"
            raise StackFileError(problem.message, hint=hint) from None
        return None
    stack, problems = load.load_tolerant(path)
    if stack is None and needed:
        raise StackFileError(f"{load.shown(path)} cannot be used", problems=problems)
    return stack


def _upward(folder: Path) -> tuple[Path, ...]:
    return (folder, *folder.parents)


def _declared(stack: Stack | None, context: host.Context) -> list[Asked]:
    return declared_ports(stack, None if stack is None else ports_in_use(stack, context))


def _context(request: Request, stack: Stack | None) -> host.Context:
    if stack is None:
        return context_of(request.folder, has_stack=False)
    return context_of(stack.root)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
