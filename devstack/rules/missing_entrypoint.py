"""A service's command names a script, module or package.json script that does not exist.

## Why it matters
`npm run dev` stops with `Missing script: "dev"`, `python main.py` with `can't open file`: the service fails after
everything it waits for was started, and its dependents wait in vain.

## Example
```
stack.toml          command = "python server.py"      # the file is ws/main.py
```

## Mending
Correct the command, or `dir` of the service: commands run in that folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.nearest import did_you_mean
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.claims import command_words
from devstack.stack import package, scripts
from devstack.stack.package import MANAGERS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_INTERPRETERS = {
    "python": (".py",),
    "python3": (".py",),
    "node": (".js", ".mjs", ".cjs", ".ts", ".mts"),
    "tsx": (".ts", ".tsx", ".js", ".mjs", ".mts"),
    "ts-node": (".ts",),
    "bash": (".sh",),
    "sh": (".sh",),
}
# What a build makes: it is missing until then, and that is no mistake of the command.
_BUILT = re.compile(r"(?:^|/)(?:dist|build|out|\.next|\.output|lib|target)/\S+ does not exist")
_APPLICATION_SERVERS = ("uvicorn", "gunicorn", "hypercorn", "daphne")
_WRAPPERS = ("uv", "poetry", "pipenv", "rye", "hatch", "pdm")
_MANAGER_COMMANDS = frozenset(("install", "ci", "exec", "dlx", "create", "init", "add", "x", "i"))


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per command."""
    for service in inspection.services:
        if not inspection.files.is_folder(inspection.folder(service)):
            yield _no_folder(inspection, service)
            continue
        for one in command_words(inspection, service):
            missing = None if one.folder is None else _missing(inspection, one.folder, one.words)
            if missing is None:
                continue
            is_built = _BUILT.search(missing) is not None
            hint = (
                "build it first, best as `setup`"
                if is_built
                else "correct the command, or `dir` of the service"
            )
            yield RULE.finding(
                f"`{service.name}` cannot start: {missing}.",
                one.place,
                severity=Severity.WARNING if is_built else None,
                service=service.name,
                hint=f"{hint} (now `{service.dir}`)" if not is_built else hint,
            )
            break


def _no_folder(inspection: Inspection, service: Service) -> Finding:
    return RULE.finding(
        f"The folder `{service.dir}` of `{service.name}` does not exist.",
        inspection.at_key(f"services.{service.name}.dir"),
        service=service.name,
        severity=None if inspection.launch(service.name) is not None else Severity.WARNING,
        hint="correct `dir`; for a second checkout beside this one, clone it there",
    )


def _missing(inspection: Inspection, folder: Path, words: tuple[str, ...]) -> str | None:
    script = _missing_script(words, folder)
    if script is not None:
        return script
    tool = _unwrapped(scripts.tool(words))
    if not tool:
        return None
    program, arguments = tool[0], tool[1:]
    if program in _INTERPRETERS:
        return _missing_file(inspection, folder, program, arguments)
    if program in _APPLICATION_SERVERS:
        return _missing_application(inspection, folder, arguments)
    return None


def _missing_script(words: tuple[str, ...], folder: Path) -> str | None:
    """`npm run X` without such a script. Only where the manager works in this very folder."""
    if words[0] not in MANAGERS or any(word in ("--prefix", "-C", "--cwd", "-w", "-F") for word in words):
        return None
    if any(
        word.startswith(("--filter", "--workspace", "--prefix", "--cwd", "--if-present")) for word in words
    ):
        return None
    plain = [word for word in words[1:] if not word.startswith("-")]
    if not plain:
        return None
    is_run = plain[0] in ("run", "run-script")
    name = plain[1] if is_run and len(plain) > 1 else plain[0]
    if not is_run and (words[0] != "npm" or name not in ("start",)):
        return None
    found = package.read(folder)
    if found is None:
        has_file = (folder / "package.json").exists()
        return (
            None if has_file else f"there is no package.json in `{folder.name}` for `{' '.join(words[:3])}`"
        )
    if name in found.scripts or (name == "start" and (folder / "server.js").exists()):
        return None
    near = did_you_mean(name, found.scripts)
    return f"package.json has no script `{name}`" + (f" ({near})" if near else "")


def _unwrapped(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without `uv run`, `poetry run` and the like, as long as they take no options of their own."""
    if len(words) > 2 and words[0] in _WRAPPERS and words[1] == "run" and not words[2].startswith("-"):
        return (words[2].rpartition("/")[2], *words[3:])
    return words


def _missing_file(
    inspection: Inspection, folder: Path, program: str, arguments: tuple[str, ...]
) -> str | None:
    if arguments[:1] == ("-m",) and len(arguments) > 1:
        if arguments[1] in _APPLICATION_SERVERS:
            return _missing_application(inspection, folder, arguments[2:])
        return None  # a module may come from any package
    script = next((word for word in arguments if not word.startswith("-")), None)
    if script is None or not script.endswith(_INTERPRETERS[program]) or "$" in script:
        return None
    before = arguments[: arguments.index(script)]
    if any(
        word in ("-c", "-e", "--eval", "-r", "--require", "--import", "--env-file", "-X", "-W")
        for word in before
    ):
        return None
    path = folder / script
    return None if inspection.files.is_file(path) else f"{inspection.shown(path)} does not exist"


def _missing_application(inspection: Inspection, folder: Path, arguments: tuple[str, ...]) -> str | None:
    """`uvicorn package.module:app` whose first package is in this folder, but whose module is not."""
    target = next(
        (word for word in arguments if ":" in word and not word.startswith("-") and "/" not in word), None
    )
    if target is None or any(word.startswith(("--app-dir", "--chdir", "--pythonpath")) for word in arguments):
        return None
    parts = target.partition(":")[0].split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    roots = [folder, folder / "src"]
    for root in roots:
        path = root.joinpath(*parts)
        if inspection.files.is_file(path.with_suffix(".py")) or inspection.files.is_folder(path):
            return None
    if len(parts) > 1 and not any(inspection.files.is_folder(root / parts[0]) for root in roots):
        return None  # perhaps an installed package
    return f"there is no module `{'.'.join(parts)}` in {inspection.shown(folder)}"


RULE = Rule(id="DS004", name="missing-entrypoint", severity=Severity.ERROR, page=__doc__ or "", check=check)
