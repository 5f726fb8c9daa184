"""A program that a service's command starts is not installed.

## Why it matters
The service fails at once with `command not found`, after everything it waits for was started.

## Example
```toml
[services.agent]
command = "uv run agent.py dev"      # uv is not installed
```

## Mending
The finding says how to get the program. A path such as `.venv/bin/python` means that the virtual environment was not
created yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.rules.base import Finding, Rule, Severity
from devstack.stack import package
from devstack.stack.shell_words import needs_no_file

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.launch import Launch

_HOW = {
    "node": "install Node.js (https://nodejs.org), or activate it (nvm use, fnm use, mise install)",
    "npm": "it comes with Node.js (https://nodejs.org)",
    "npx": "it comes with Node.js (https://nodejs.org)",
    "pnpm": "`corepack enable pnpm`, or `npm install --global pnpm`",
    "yarn": "`corepack enable yarn`",
    "bun": "see https://bun.sh",
    "uv": "see https://docs.astral.sh/uv (`pipx install uv`)",
    "poetry": "`pipx install poetry`",
    "python": "on many systems it is called python3; a virtual environment has both names",
    "docker": "see https://docs.docker.com/get-docker",
    "livekit-server": "see https://docs.livekit.io/home/self-hosting/local",
}


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per program, with every service that needs it."""
    missing: dict[str, list[str]] = {}
    for service in inspection.services:
        launch = inspection.launch(service.name)
        program = "" if launch is None else launch.program
        if launch is None or not program or needs_no_file(program) or "$" in program or "~" in program:
            continue
        if service.setup is not None and "/" in program:
            continue  # its setup step makes it
        if inspection.which(program, launch.cwd) is None and not _from_packages(inspection, launch):
            missing.setdefault(program, []).append(service.name)
    for program, services in missing.items():
        launches = [found for name in services if (found := inspection.launch(name)) is not None]
        names = ", ".join(f"`{name}`" for name in services)
        yield RULE.finding(
            f"{names} cannot start: `{program}` {_state(inspection, program, launches[0])}.",
            *(inspection.at_spot(launch.spot) for launch in launches),
            service=services[0],
            hint=_hint(program),
        )


def _from_packages(inspection: Inspection, launch: Launch) -> bool:
    """A tool of node_modules; that the packages are there is another rule's question."""
    found = package.read(launch.cwd)
    return found is not None and any(launch.program == name.rpartition("/")[2] for name in found.dependencies)


def _state(inspection: Inspection, program: str, launch: Launch) -> str:
    if "/" in program:
        return "does not exist" if not (launch.cwd / program).exists() else "cannot be executed"
    if program == "python" and inspection.which("python3", launch.cwd) is not None:
        return "is not installed (`python3` is)"
    return "is not installed"


def _hint(program: str) -> str:
    if re.search(r"(?:^|/)(?:\.?venv|\.?env)/bin/", program):
        folder = program.partition("/bin/")[0]
        return f"create the virtual environment: `python3 -m venv {folder}`, then install the requirements"
    if "/" in program:
        return (
            "correct the path, or let a `setup` step make the program; `chmod +x` where only that is missing"
        )
    return _HOW.get(program, "install it, or correct the command")


RULE = Rule(id="DS002", name="missing-tool", severity=Severity.ERROR, page=__doc__ or "", check=check)
