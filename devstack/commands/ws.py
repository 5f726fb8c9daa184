"""`devstack ws`: who is asked, with which token, and how the diagnosis is shown."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devstack.contract import targets, urls
from devstack.contract.diagnosis import Diagnosis, diagnose
from devstack.contract.evidence import Code
from devstack.contract.session import Target
from devstack.errors import ExitCode, RefusedError, StackFileError, UsageError
from devstack.host.model import Holder, HolderClass
from devstack.records import dataclass, replace

if TYPE_CHECKING:
    from devstack.contract.members import Facts
    from devstack.host.judging import Context
    from devstack.stack.model import Stack


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """What the command line asks for; `idle` and `timeout` in seconds."""

    target: str
    folder: Path
    environment: Mapping[str, str]
    token: str | None = None
    origin: str | None = None
    idle: float = 0.0
    parallel: int = 0
    restart: bool = False
    timeout: float = 3.0
    remote: bool = False
    as_json: bool = False


def ws(request: Request) -> int:
    """Diagnose; 0 when the socket works as declared, 1 otherwise."""
    from devstack.views import ws as view

    facts = _facts(request)
    target = _target(request, facts)
    diagnosis = asyncio.run(_diagnose(request, target))
    if request.as_json:
        print(json.dumps(view.document(diagnosis), ensure_ascii=False))
    else:
        from devstack.views.style import detect

        sys.stdout.write(view.render(diagnosis, detect(sys.stdout, request.environment)))
    return int(ExitCode.OK if diagnosis.verdict.code is Code.OK else ExitCode.FINDINGS)


async def _diagnose(request: Request, target: Target) -> Diagnosis:
    if request.idle >= 1 and sys.stderr.isatty():
        print(f"a socket is held open and silent for {request.idle:g} s …", file=sys.stderr)
    found = await diagnose(target)
    if not request.restart or found.verdict.code is not Code.OK:
        return found
    from devstack.commands.requests import Asked, carry_out
    from devstack.commands.running import Place
    from devstack.contract.survival import restarted

    if target.service is None:
        raise UsageError("--restart needs a service of stack.toml", hint="devstack ws SERVICE --restart")
    name = target.service
    client = Place(folder=request.folder, environment=request.environment).client()
    return await restarted(found, target, lambda: list(carry_out(client, "restart", Asked(services=(name,)))))


def _facts(request: Request) -> Facts | None:
    """The contract of the stack of this folder; None when a URL is diagnosed where no stack is."""
    from devstack.commands.doctor import inspect

    try:
        inspection = inspect(request.folder, request.environment)
    except StackFileError:
        if "://" in request.target:
            return None
        raise
    inspection.need_stack()
    return inspection.contract


def _target(request: Request, facts: Facts | None) -> Target:
    if facts is not None and "://" not in request.target:
        target = targets.for_service(facts, request.target)
    else:
        target = targets.for_url(facts, request.target)
    host = urlsplit(target.url).hostname or ""
    if not urls.is_loopback(host) and not request.remote:
        raise RefusedError(
            f"{host} is not this machine", hint="devstack ws --remote … asks a host outside this machine"
        )
    changes: dict[str, object] = {
        "idle": request.idle,
        "parallel": request.parallel,
        "timeout": request.timeout,
    }
    if request.token is not None:
        changes["token"] = request.token
        changes["may_send_token"] = True  # the person who gave the token chose the host as well
        changes["token_reason"] = _objection(request.token, facts, target.service)
        changes["token_places"] = ""
    if request.origin is not None:
        changes["origin"] = request.origin or None
    if facts is not None and urls.is_loopback(host):
        port = urlsplit(target.url).port
        changes["holder"] = stranger(facts.stack, target.service, port)
    return replace(target, **changes)  # type: ignore[arg-type]  # names and types are those of Target above


def _objection(token: str, facts: Facts | None, service: str | None) -> str | None:
    """Why `service` must refuse a token that was given by hand; None where it should not, or nobody knows."""
    if facts is None or service is None:
        return None
    import time

    from devstack.contract import token_check

    own = [one for one in targets.verifiers(facts) if one.service == service]
    for verdict in token_check.check(token, own, now=time.time()):
        return "; ".join(verdict.reasons) or None
    return None


def stranger(stack: Stack, service: str | None, port: int | None) -> str | None:
    """Who listens on `port`, when that is certainly not `service`; None when it is, or nobody knows."""
    from devstack.contract.port_context import context_of
    from devstack.host.holders import holders

    if port is None or service is None:
        return None
    context = context_of(stack.root)
    for holder in holders([port], context).get(port, []):
        if _is_stranger(holder, service, context):
            folder = f" in {holder.cwd}" if holder.cwd else ""
            whose = (
                f"service `{holder.service}`" if holder.service else "a process that devstack did not start"
            )
            return f"{whose}: pid {holder.pid} ({holder.command[:60]}){folder}"
    return None


def _is_stranger(holder: Holder, service: str, context: Context) -> bool:
    """Certain only where the holder is another service's, or where a living run started the service itself.

    A server that somebody started by hand, wherever from, may well be the service.
    """
    if holder.holder_class is HolderClass.OURS:
        return holder.service not in (None, service)
    is_run = context.supervisor is not None and any(record.service == service for record in context.records)
    return is_run and holder.holder_class in (HolderClass.FOREIGN, HolderClass.SAME_REPO)
