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

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.nearest import did_you_mean
from devstack.patterns import regex
from devstack.rules import modules, packages
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.claims import CommandWords, command_words
from devstack.stack import package, pages, scripts
from devstack.stack.package import MANAGERS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_EXTENSIONS = {
    "python": (".py",),
    "node": (".js", ".mjs", ".cjs", ".ts", ".mts"),
    "tsx": (".ts", ".tsx", ".js", ".mjs", ".mts"),
    "ts-node": (".ts",),
    "bash": (".sh",),
    "sh": (".sh",),
    "fastapi": (".py",),
    "streamlit": (".py",),
}
_SUBCOMMANDS = {"tsx": ("watch",), "fastapi": ("dev", "run"), "streamlit": ("run",)}
_TAKES_A_WORD = regex(
    r"-[rCXWP]|--(?:require|import|loader|experimental-loader|env-file(?:-if-exists)?|conditions|tsconfig|project"
    r"|watch-path|title|host|port|app|server\.\w+)"
)
_PYTHON = regex(r"python[\d.]*|py")
_LOOKS_UPWARD = ("npm", "bun")  # for the nearest package.json
_RUNS_PROGRAMS = ("yarn", "bun")  # of node_modules, by the same words as scripts
_RUNS_TEXT = ("-c", "-e", "-p", "--eval", "--print", "--test", "--check")
# What a build makes: it is missing until then, and that is no mistake of the command.
_BUILT = regex(r"(?:^|/)(?:dist|build|out|\.next|\.output|lib|target)/\S+ does not exist")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per command."""
    for service in inspection.services:
        if not inspection.files.is_folder(inspection.folder(service)):
            yield _no_folder(inspection, service)
            continue
        before: CommandWords | None = None
        for one in command_words(inspection, service):
            missing, step_before = _missing(inspection, service, one), before
            before = one
            if missing is None:
                continue
            is_built = _BUILT.search(missing) is not None
            if is_built and _makes(service, one, step_before):
                break
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


def _makes(service: Service, one: CommandWords, before: CommandWords | None) -> bool:
    """Whether what `one` needs may be made first: by the setup step, or by a step before it in the same command."""
    return service.setup is not None or (before is not None and before.place == one.place)


def _no_folder(inspection: Inspection, service: Service) -> Finding:
    return RULE.finding(
        f"The folder `{service.dir}` of `{service.name}` does not exist.",
        inspection.at_key(f"services.{service.name}.dir"),
        service=service.name,
        severity=None if inspection.launch(service.name) is not None else Severity.WARNING,
        hint="correct `dir`; for a second checkout beside this one, clone it there",
    )


def _missing(inspection: Inspection, service: Service, one: CommandWords) -> str | None:
    if one.folder is None or "\\" in one.text:  # only a shell, or only Windows, can tell
        return None
    script = _missing_script(inspection, one.words, one.folder)
    if script is not None:
        return script
    tool = scripts.tool(one.words)
    if not tool:
        return None
    program = "python" if _PYTHON.fullmatch(tool[0]) else tool[0]
    look = modules.Search(inspection, service, one.folder)
    if program == "python" and "-m" in tool[:-1]:
        tool = tool[tool.index("-m") + 1 :]
        program = tool[0]
        if program not in modules.APPLICATION_SERVERS and program not in _EXTENSIONS:
            return look.module(program)
    if program in modules.APPLICATION_SERVERS:
        return look.application(tool[1:])
    if program in _EXTENSIONS:
        return _missing_file(inspection, one.folder, program, tool[1:])
    return None


def _missing_script(inspection: Inspection, words: tuple[str, ...], folder: Path) -> str | None:
    """`npm run X` without such a script. Only where it is known in which folder the manager works."""
    if words[0] not in MANAGERS or "--if-present" in words:
        return None
    words, own = pages.elsewhere(words, folder)
    if scripts.is_elsewhere(words):
        return None
    folder = folder if own is None else own.path.parent
    plain = [word for word in words[1:] if not word.startswith("-")]
    if plain[:1] in (["run"], ["run-script"]):
        plain = plain[1:]
    elif words[0] != "npm" or plain[:1] != ["start"]:
        return None
    if not plain or "/" in plain[0] or inspection.files.is_file(folder / plain[0]):
        return None  # a list of scripts, a pattern of pnpm, a file that bun runs
    name = plain[0]
    places = packages.upward(folder, inspection.root) if words[0] in _LOOKS_UPWARD else (folder,)
    place = next((each for each in places if inspection.files.is_file(each / "package.json")), None)
    if place is None:
        return f"there is no package.json in `{folder.name}` for `{' '.join(words[:3])}`"
    found = package.read(place)
    if found is None or name in found.scripts:
        return None
    if name == "start" and inspection.files.is_file(place / "server.js"):
        return None
    near = did_you_mean(name, found.scripts)
    if not near and words[0] in _RUNS_PROGRAMS:
        return None
    return f"package.json has no script `{name}`" + (f" ({near})" if near else "")


def _missing_file(
    inspection: Inspection, folder: Path, program: str, arguments: tuple[str, ...]
) -> str | None:
    rest = iter(arguments)
    for word in rest:
        if word in _RUNS_TEXT:
            return None
        if _TAKES_A_WORD.fullmatch(word):
            next(rest, None)
        elif not word.startswith("-") and word not in _SUBCOMMANDS.get(program, ()):
            break
    else:
        return None
    if not word.endswith(_EXTENSIONS[program]):
        return None
    path = folder / word
    return None if inspection.files.is_file(path) else f"{inspection.shown(path)} does not exist"


RULE = Rule(id="DS004", name="missing-entrypoint", severity=Severity.ERROR, page=__doc__ or "", check=check)
