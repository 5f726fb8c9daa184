"""What `up` makes sure of before it starts anything: tools, configuration, leftovers, ports, consent."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from devstack.errors import FindingsError, PortHeldError, RefusedError, ServiceFailedError
from devstack.host.aside import Aside

if TYPE_CHECKING:
    from pathlib import Path

    from devstack.commands.up_job import Request
    from devstack.contract.port_plan import PortPlan
    from devstack.env.files import Files
    from devstack.host.judging import Context
    from devstack.host.model import ProcessId
    from devstack.host.private_folder import PrivateFolder
    from devstack.rules.base import Finding, Report
    from devstack.run import events
    from devstack.stack.model import Service, Stack
    from devstack.supervisor.plan import DueSetup


def refuse_clashes(stack: Stack, names: Iterable[str]) -> None:
    """Two services that claim one port cannot both have it, whatever doctor is told to ignore."""
    claims: dict[int, str] = {}
    for name in names:
        service = stack.services[name]
        for port in service.all_ports:
            claim = name if port.role == "main" else f"{name} ({port.role})"
            other = claims.setdefault(port.number, claim)
            if other != claim:
                raise FindingsError(
                    f"{other} and {claim} both claim port {port.number}.",
                    hint="give one of them another port in stack.toml; `devstack ports` shows all of them.",
                )


def stop_leftovers(folder: PrivateFolder, request: Request) -> None:
    """Processes of an earlier run that did not end in order: say so, stop them with consent."""
    from devstack.host import state_file

    record = state_file.read(folder)
    if record is None:
        return
    found = state_file.leftovers(record)
    if not found:
        return
    words = ", ".join(f"{name or 'unknown'} ({_pids(several)})" for name, several in found.items())
    print(f"left by an earlier run of this stack: {words}", file=sys.stderr)
    if not request.consent("Stop them?"):
        raise RefusedError(
            f"processes of an earlier run still live: {', '.join(name or 'unknown' for name in found)}.",
            hint="`devstack up --yes` stops them.",
        )
    from devstack.host.leftovers import end_leftovers

    left = end_leftovers(record)
    if left:
        pids = ", ".join(str(one.pid) for one in left)
        raise RefusedError(f"these processes of an earlier run cannot be stopped: {pids}.")


def _pids(several: Sequence[ProcessId]) -> str:
    """`pid 17, 18, 19 and 24 more`."""
    shown = ", ".join(str(one.pid) for one in several[:3])
    return f"pid {shown}" + (f" and {len(several) - 3} more" if len(several) > 3 else "")


def require_tools(
    stack: Stack, names: Iterable[str], environment: Mapping[str, str], due: Sequence[DueSetup]
) -> None:
    """Every program that a service needs is there, or will be made by its own setup step."""
    prepared = {one.service for one in due}
    missing: dict[str, list[str]] = {}
    for name in names:
        program = _missing_program(stack, stack.services[name], environment, is_prepared=name in prepared)
        if program is not None:
            missing.setdefault(program, []).append(name)
    if missing:
        words = "; ".join(f"{tool} (needed by {', '.join(users)})" for tool, users in missing.items())
        advice = [_how_to_get(tool) for tool in missing]
        if len(missing) > 1:
            advice = [f"{tool}: {how}" for tool, how in zip(missing, advice, strict=True)]
        raise ServiceFailedError(f"not installed: {words}.", hint="\n      ".join(advice))


def _missing_program(
    stack: Stack, service: Service, environment: Mapping[str, str], *, is_prepared: bool
) -> str | None:
    """The program of its command when it is not there. Raises for a missing folder, and a file that cannot be run."""
    from devstack.host import tools
    from devstack.stack.launch import launch
    from devstack.stack.shell_words import needs_no_file

    how = launch(stack, service)
    if how is None or not how.program or needs_no_file(how.program) or how.program[0] in "~$":
        return None
    if not how.cwd.is_dir():
        raise ServiceFailedError(
            f"{service.name}: its folder {service.dir} does not exist.", hint="check `dir` in stack.toml."
        )
    path = how.inline_env.get("PATH", environment.get("PATH"))
    if is_prepared or tools.which(how.program, path, how.cwd) is not None:
        return None
    if "/" in how.program and (how.cwd / how.program).is_file():
        raise ServiceFailedError(
            f"{service.name}: {how.program} may not be executed.", hint=f"chmod +x {how.program}"
        )
    return how.program


def _how_to_get(tool: str) -> str:
    name = tool.rsplit("/", 1)[-1]
    known = {
        "node": "install Node.js from https://nodejs.org (or with nvm, fnm, mise).",
        "npm": "npm comes with Node.js: https://nodejs.org",
        "npx": "npx comes with Node.js: https://nodejs.org",
        "pnpm": "`corepack enable` (comes with Node.js), or https://pnpm.io/installation",
        "yarn": "`corepack enable` (comes with Node.js), or https://yarnpkg.com/getting-started/install",
        "bun": "https://bun.sh/docs/installation",
        "uv": "https://docs.astral.sh/uv/getting-started/installation",
        "livekit-server": "https://docs.livekit.io/home/self-hosting/local",
        "docker": "https://docs.docker.com/get-docker",
    }
    if name in known:
        return known[name]
    if "/bin/" in tool and name.startswith("python"):
        return f"create the virtual environment: python3 -m venv {tool.rsplit('/bin/', 1)[0]}"
    if "/bin/" in tool:
        return f"install it into {tool.rsplit('/bin/', 1)[0]} (npm install, pip install …)"
    return f"install {name}, or correct `command` in stack.toml."


FindingKey = tuple[str, str | None, str, str | None]
"""Rule, service, file and variable: the same mistake, wherever its line moved."""


def keys(report: Report) -> frozenset[FindingKey]:
    """The errors of a report."""
    from devstack.rules.base import Severity

    return frozenset(_key(one) for one in report.findings if one.severity is Severity.ERROR)


def _key(finding: Finding) -> FindingKey:
    place = finding.locations[0] if finding.locations else None
    return (finding.rule, finding.service, place.path if place else "", place.variable if place else None)


def new_errors(stack: Stack, request: Request, baseline: frozenset[FindingKey]) -> str:
    """Errors that the files have now and `baseline` has not, as text; "" when there are none."""
    from devstack.commands import doctor
    from devstack.rules.base import Severity

    report = doctor.preflight(stack, process=request.environment)
    fresh = [one for one in report.findings if one.severity is Severity.ERROR and _key(one) not in baseline]
    lines = []
    for one in fresh:
        place = one.locations[0] if one.locations else None
        where = f"{place.path}:{place.line}: " if place and place.line else f"{place.path}: " if place else ""
        lines.append(f"{one.rule}: {where}{one.message}")
    return "\n".join(lines)


Verdict = tuple[int, frozenset[FindingKey], str]
"""What doctor's rules found: the number of warnings, the errors, and the report when there are errors."""


Check = Aside[Verdict] | None
"""The look that doctor's rules take at the files; None where nobody asked for it."""


def begin_check(stack: Stack, request: Request) -> Check:
    """Have doctor's rules look at the files beside us."""
    _load_what_both_need(stack)
    return Aside(lambda: _judge(stack, request)) if request.check else None


def _load_what_both_need(stack: Stack) -> None:
    """Environments are worked out by the check and by the run: imported now, it is imported once."""
    from devstack.env import child  # noqa: F401 - with all below it
    from devstack.env.loaders import table
    from devstack.stack import defaults

    for service in stack.services.values():
        table.loader(defaults.loader(service))


def _judge(stack: Stack, request: Request) -> Verdict:
    from devstack.commands import doctor
    from devstack.rules.base import Severity

    report = doctor.preflight(stack, process=request.environment)
    errors = keys(report)
    text = doctor.show(report, stack.root, request.environment) if errors else ""
    return report.count(Severity.WARNING), errors, text


def end_check(check: Check, request: Request) -> tuple[events.DoctorFinished, frozenset[FindingKey] | None]:
    """What they found; errors stop here, with the findings. Also the errors left: none."""
    from devstack.run import events

    if check is None:
        return events.DoctorFinished(skipped=True), None
    warnings, errors, text = check.answer()
    if errors:
        print(text, file=sys.stderr if request.as_json else sys.stdout)
        raise FindingsError(
            "the configuration has errors, so nothing was started.",
            hint="mend them (`devstack doctor --fix` does what is safe), or `devstack up --no-doctor`.",
        )
    return events.DoctorFinished(warnings=warnings), errors


def create_env_files(stack: Stack, request: Request) -> None:
    """Env files that do not exist yet but have an example: say which, create them with consent."""
    from devstack.env.files import Files

    files = Files(stack.root)
    if not any(_has_example(service, stack, files) for service in stack.services.values()):
        return
    from devstack.env.resolve import resolve

    environments = resolve(stack, process=request.environment, files=files)
    if all(layer.exists for one in environments.values() for layer in one.layers):
        return
    from devstack.commands.env_edit import sync_plan
    from devstack.env import edit

    plan = sync_plan(stack, environments, files)
    if not any(change.before is None for change in plan.changes):
        return
    shown = [_relative(change.path, stack) for change in plan.changes]
    from devstack.views.style import detect

    text = f"env files to be written from their examples: {', '.join(shown)}"
    print(*detect(sys.stderr, request.environment).folded(text, "  "), sep="\n", file=sys.stderr)
    if not request.consent("Write them?"):
        print("not written: `devstack up --yes` or `devstack env sync` does it", file=sys.stderr)
        return
    edit.write(plan.changes)


def _has_example(service: Service, stack: Stack, files: Files) -> bool:
    """Cheap: most starts have nothing to create."""
    if service.env.example is not None:
        return True
    names = files.names(stack.root / service.dir)
    return any("env" in name and word in name for name in names for word in _EXAMPLE_WORDS)


_EXAMPLE_WORDS = ("example", "sample", "template", "dist", "tpl")


def _relative(path: Path, stack: Stack) -> str:
    return path.relative_to(stack.root).as_posix() if path.is_relative_to(stack.root) else str(path)


def free_ports(
    stack: Stack, names: Sequence[str], request: Request, *, ours: frozenset[int] = frozenset()
) -> list[events.PortFreed]:
    """Every declared port can be bound when this returns, but `ours`; what was stopped for it."""
    numbers = [port.number for name in names for port in stack.services[name].all_ports]
    numbers = [number for number in numbers if number not in ours]
    if not numbers:
        return []
    from devstack.host.listening import is_bindable

    if all(is_bindable(number) for number in numbers):
        return []
    from devstack.contract.port_context import context_of
    from devstack.contract.port_plan import plan

    context = context_of(stack.root)
    held = [
        one for one in plan(stack, names, context, now=time.time()) if one.message and one.port not in ours
    ]
    _refuse_foreign([one for one in held if not one.may_free])
    _consent_to_free(held, request)
    return [_freed(one, context) for one in held]


def _consent_to_free(held: Sequence[PortPlan], request: Request) -> None:
    if not held:
        return
    messages = [one.message for one in held]
    what = "it" if len(held) == 1 else "them"
    refusal = PortHeldError(f"{'; '.join(messages)}.", hint=f"`devstack up --yes` frees {what}.")
    if not request.yes and request.ask is None:
        raise refusal
    print("\n".join(messages), file=sys.stderr)
    if not request.consent(f"Stop {what} to free {', '.join(str(one.port) for one in held)}?"):
        raise refusal


def _freed(one: PortPlan, context: Context) -> events.PortFreed:
    """Stop who holds the port; it can be bound then."""
    from devstack.host import ports
    from devstack.run import events

    result = ports.free(one.port, context)
    if result.outcome not in (ports.Outcome.FREED, ports.Outcome.WAS_FREE):
        raise PortHeldError(f"port {one.port} is not free: {result.detail or result.outcome.value}.")
    first = one.holders[0] if one.holders else None
    return events.PortFreed(
        port=one.port,
        service=one.service,
        pid=first.pid if first else None,
        command=first.command if first else "",
    )


def _refuse_foreign(held: Sequence[PortPlan]) -> None:
    if not held:
        return
    command = held[0].command
    purpose = "to run beside it" if held[0].situation == "other-checkout" else "to free it"
    otherwise = "wait a moment" if held[0].situation == "client" else "stop it yourself"
    hint = f"{purpose}: {command}" if command else f"{otherwise}, or take another port."
    raise PortHeldError("; ".join(one.message for one in held) + ".", hint=hint)


def consent_to_setup(stack: Stack, due: Sequence[DueSetup], request: Request) -> None:
    """Setup steps run programs of the repository: say which and why, and ask."""
    if not due:
        return
    steps: dict[str, list[str]] = {}
    for one in due:
        setup = stack.services[one.service].setup
        steps.setdefault(f"{setup.command if setup else ''} ({one.reason})", []).append(one.service)
    lines = [f"{', '.join(names)}: {step}" for step, names in steps.items()]
    print("setup steps that are due:\n  " + "\n  ".join(lines), file=sys.stderr)
    if not request.consent("Run them?"):
        raise RefusedError(
            f"setup of {', '.join(one.service for one in due)} is due.",
            hint="`devstack up --yes` runs it.",
        )
