"""`devstack token mint` and `devstack token check`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from devstack.contract import targets, token_check
from devstack.contract.tokens import CannotMintError, mint
from devstack.errors import ExitCode, StackFileError, UsageError
from devstack.records import replace


def mint_token(
    service: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    claims: Mapping[str, object],
    ttl: float | None = None,
    as_json: bool = False,
) -> int:
    """Print a short-lived token for `service`; it is printed because it was asked for."""
    from devstack.commands.doctor import inspect

    inspection = inspect(folder, environment)
    facts = inspection.contract
    declared = inspection.need_stack().services
    minter = targets.minter_of(facts, declared[service]) if service in declared else None
    if minter is None:
        targets.for_service(facts, service)
        raise UsageError(
            f"service `{service}` declares no token whose secret has a value",
            hint=f"add [services.{service}.websocket.token] with `secret`, and see devstack env {service}",
        )
    if ttl is not None:
        minter = replace(minter, spec=replace(minter.spec, ttl=ttl))
    try:
        token = mint(minter, now=time.time(), claims=claims)
    except CannotMintError as problem:
        raise UsageError(f"no token for `{service}`: {problem}") from None
    print(json.dumps({"version": 1, "service": service, "token": token}) if as_json else token)
    return int(ExitCode.OK)


def check_token(token: str, *, folder: Path, environment: Mapping[str, str], as_json: bool = False) -> int:
    """Say which services would accept `token`; 0 when one does and none that verifies it refuses, else 1."""
    from devstack.commands.doctor import inspect
    from devstack.views import token as view
    from devstack.views.style import detect

    text = token.strip().removeprefix("Bearer ").strip()
    if not text:
        raise UsageError("no token was given", hint="devstack token check -   (reads it from standard input)")
    now = time.time()
    decoded = token_check.decode(text)
    remarks = token_check.remarks(decoded, now=now)
    try:
        verifiers = targets.verifiers(inspect(folder, environment).contract)
    except StackFileError as problem:
        verifiers = ()
        remarks = (*remarks, f"{problem.message}, so nobody is known who would verify it")
    verdicts = token_check.check(text, verifiers, now=now)
    if as_json:
        print(json.dumps(view.document(decoded, verdicts, remarks), ensure_ascii=False, default=str))
    else:
        sys.stdout.write(view.render(decoded, verdicts, remarks, detect(sys.stdout, environment)))
    good = bool(verdicts) and all(verdict.accepted for verdict in verdicts)
    return int(ExitCode.OK if good else ExitCode.FINDINGS)
