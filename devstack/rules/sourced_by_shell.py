"""A script sources an env file, and the shell or make reads it otherwise than the programs do.

## Why it matters
`. ./.env` is a program for the shell: `$(…)` and backticks run, `&` and `;` end the value, an unquoted space starts a
command, Windows line ends stay in the value. What the shell exports then wins over what the programs read from
the same file. `include .env` of a Makefile and `while read … export` take no quotes off at all: they become part
of the value.

## Example
```
Makefile   dev:  . ./.env && npm run dev
.env       JWT_SECRET=abc\\r        # saved with Windows line ends: the secret ends in \\r
```

## Mending
Quote values in single quotes, save with Unix line ends; or do not source the file: the programs, or `devstack run`,
read it themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env import verbatim
from devstack.env.model import LayerKind
from devstack.env.word_splitting import evaluated, exported
from devstack.lines import split
from devstack.patterns import regex
from devstack.rules.base import Edit, Finding, Fix, Location, Rule, Severity
from devstack.rules.command_substitution import substitutes
from devstack.rules.envfiles import EnvFile, is_env_name
from devstack.rules.readings import Difference, either, read_with
from devstack.rules.wording import listed
from devstack.stack import package

if TYPE_CHECKING:
    import re

    from devstack.rules.inspection import Inspection

# A character outside quotes that ends the assignment or starts a command; a comment does neither.
_ACTIVE = regex(r"[^\s'\"\\]*(?:[&;|<>`]|\s+(?!#)\S)")
_SOURCES = regex(
    r"(?:^|[;&|(\s\"'@`])(?:source|\.)\s+[\"']?(?P<file>[\w./-]*\.?env[\w.-]*)[\"']?(?=$|[\s;&|)\"'`])"
)
# `export $(cat .env | xargs)`, `env $(grep -v '^#' .env) cmd`: the shell splits the text at every space.
_SPLITS = regex(
    r"(?:^|[;&|(\s\"'@])(?:export|env|declare\s+-x)\s[^\n;&|]*?(?:\$\$?\(|`)[^)`\n]*?(?P<file>[\w./-]*\.?env[\w.-]*)[^)`\n]*[)`]"
)
# `eval $(cat .env)`, `eval "$(sed 's/^/export /' .env)"`: the shell reads the text, quotes and all.
_EVALUATES = regex(
    r"(?:^|[;&|(\s\"'@])eval\s[^\n;&|$`]*(?:\$\$?\(|`)(?:[^)`\n]*[\s<])?(?P<file>[\w./-]*\.?env[\w.-]*)[^)`\n]*[)`]"
)
_LARGEST = 200_000  # bytes of a script
_SCRIPT_FOLDERS = ("", "scripts", "bin", "script")
_SCRIPT_NAMES = (
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Justfile",
    "Procfile",
    "Procfile.dev",
    ".envrc",
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per sourced file."""
    told: set[str] = set()
    scripts = [(path, text) for path, text in _scripts(inspection) if "env" in text]
    for path, place, how in _sourced(inspection, scripts):
        real = inspection.real(path)
        file = inspection.env_file(path)
        if real in told or file is None:
            continue
        told.add(real)
        differences = _differences(inspection, file, how)
        if differences:
            yield _finding(inspection, file, place, differences, how=how)
    yield from _verbatim(inspection, scripts, told)


def _verbatim(
    inspection: Inspection, scripts: Sequence[tuple[Path, str]], told: set[str]
) -> Iterator[Finding]:
    """Files that make or a loop reads without taking quotes off."""
    for script, text in scripts:
        is_makefile = script.suffix == ".mk" or script.name.lower().endswith("makefile")
        for way in verbatim.ways(text, is_makefile=is_makefile):
            for path, place in _target(inspection, script, way.line, way.file):
                file = inspection.env_file(path)
                if file is None or inspection.real(path) in told:
                    continue
                told.add(inspection.real(path))
                differences = _compared(inspection, file, verbatim.given(file.text, way))
                if differences:
                    yield _kept(inspection, file, place, differences, program=way.program)


def _kept(
    inspection: Inspection, file: EnvFile, place: Location, differences: list[Difference], *, program: str
) -> Finding:
    shown = inspection.shown(file.path)
    told = listed([f"`{one.name}` {one.how}" for one in differences], between="; ")
    told = told.replace("by the shell", f"by {program}")
    return RULE.finding(
        f"{place.path} hands on {shown} as {program} reads it, otherwise than the programs do: {told}.",
        *(inspection.at(file.path, one.line, variable=one.name) for one in differences[:8]),
        place,
        severity=Severity.ERROR if _starts_a_service(inspection, place.path) else Severity.WARNING,
        hint=f"let the programs read {file.path.name} themselves, or write these values without quotes and comments",
    )


def _starts_a_service(inspection: Inspection, script: str) -> bool:
    """Whether a service's command runs this script, or make."""
    name = Path(script).name
    program = "make" if name.lower().endswith("makefile") else name
    commands = (inspection.launch(service.name) for service in inspection.services)
    return any(
        program in (Path(word).name for word in command.command.split()) for command in commands if command
    )


def _sourced(
    inspection: Inspection, scripts: Sequence[tuple[Path, str]]
) -> Iterator[tuple[Path, Location, str]]:
    """File, where it is sourced, and the text that does it."""
    for script, text in scripts:
        for number, line in enumerate(split(text), start=1):
            if line.lstrip().startswith(("#", "//")):
                continue
            for found in _found(line):
                for path, place in _target(inspection, script, number, found["file"]):
                    yield path, place, found.group()
    for service in inspection.services:
        launch = inspection.launch(service.name)
        for found in _found(launch.command if launch else ""):
            path = inspection.folder(service) / found["file"]
            if launch is not None and inspection.files.is_file(path):
                yield path, inspection.at_spot(launch.spot), found.group()


def _found(line: str) -> Iterator[re.Match[str]]:
    yield from _SOURCES.finditer(line)
    if "$(" in line or "`" in line:
        yield from _EVALUATES.finditer(line)
        yield from (found for found in _SPLITS.finditer(line) if not _EVALUATES.search(line))


def _target(inspection: Inspection, script: Path, number: int, name: str) -> Iterator[tuple[Path, Location]]:
    if not is_env_name(Path(name).name):
        return
    for folder in (script.parent, inspection.root):
        path = Path(os.path.normpath(folder / name))
        if inspection.files.is_file(path):
            yield path, inspection.at(script, number, note="sources it")
            return


def _scripts(inspection: Inspection) -> Iterator[tuple[Path, str]]:
    folders = dict.fromkeys(
        [inspection.root, *(inspection.folder(service) for service in inspection.services)]
    )
    for top in folders:
        for below in _SCRIPT_FOLDERS:
            if below and not inspection.files.may_hold(top, below):
                continue
            for name in inspection.files.names(f"{top}/{below}" if below else top):
                is_script = name in _SCRIPT_NAMES or name.endswith((".sh", ".bash", ".mk")) or below == "bin"
                if is_script and inspection.files.is_file(path := top / below / name):
                    facts = inspection.files.stat(path)
                    is_small = facts is not None and facts.st_size <= _LARGEST
                    yield path, (inspection.read_text(path) or "") if is_small else ""
        found = package.read(top) if inspection.files.may_hold(top, "package.json") else None
        if found is not None:
            lines = [""] * max([*found.lines.values(), 0])
            for name, line in found.lines.items():
                lines[line - 1] = found.scripts[name]
            yield found.path, "\n".join(lines)


def _differences(inspection: Inspection, file: EnvFile, how: str) -> list[Difference]:
    """Variables of which the shell gets another text than every program that reads the file."""
    is_evaluated = _EVALUATES.search(how) is not None
    if not is_evaluated and _SPLITS.search(how):
        return _split_differences(inspection, file, how)
    text = evaluated(file.text, how) if is_evaluated else None
    loaded = read_with(inspection, "shell", file.path, text)
    fatal = next((issue for issue in loaded.issues if issue.fatal), None)
    if fatal is not None:
        return [Difference(name="", line=fatal.line, how=fatal.message)]
    found = []
    for entry in {entry.name: entry for entry in file.assignments}.values():
        if substitutes(entry.raw) and inspection.readers(file.path):
            continue  # `command-substitution` tells it
        meant = _meant(inspection, file, entry.name)
        got = loaded.variables.get(entry.name)
        if not meant or (got is not None and got.unknown is not None and not _acts(entry.raw)):
            continue
        text = None if got is None else got.text
        if text not in meant:
            how = _how(next(iter(meant)), text)
            found.append(Difference(name=entry.name, line=entry.line, how=how))
    return found


def _acts(raw: str) -> bool:
    """Whether the value itself makes the shell do something else than assign it, whatever comes of that."""
    return "$(" in raw or _ACTIVE.match(raw.strip()) is not None


def _split_differences(inspection: Inspection, file: EnvFile, how: str) -> list[Difference]:
    given = exported(file.text, how)
    if given is None:
        return [
            Difference(name="", line=None, how="xargs stops at an unmatched quote, and nothing is exported")
        ]
    every = dict.fromkeys(entry.name for entry in file.assignments)
    return _compared(inspection, file, {**every, **given})


def _compared(inspection: Inspection, file: EnvFile, given: Mapping[str, str | None]) -> list[Difference]:
    """Names of `given` whose text is another than the one that is meant; None: it is not set."""
    found = []
    for entry in {entry.name: entry for entry in file.assignments}.values():
        meant = _meant(inspection, file, entry.name)
        if meant and entry.name in given and given[entry.name] not in meant:
            how = _how(next(iter(meant)), given[entry.name])
            found.append(Difference(name=entry.name, line=entry.line, how=how))
    return found


def _meant(inspection: Inspection, file: EnvFile, name: str) -> set[str]:
    """What the services' programs get from this file; without any, what dotenv and python-dotenv do."""
    texts: set[str] = set()
    for service in inspection.readers(file.path):
        value = inspection.environments[service].variables.get(name)
        if (
            value is not None
            and value.text
            and value.origin.layer is LayerKind.FILE
            and value.unknown is None
        ):
            texts.add(value.text)
    return texts or {text for text in either(inspection, file.path, name) if text}


def _how(meant: str, text: str | None) -> str:
    if text is None:
        return "is not set by the shell"
    if text == meant + "\r":
        return "ends in a carriage return"
    if len(text) > 1 and text[0] == text[-1] and text[1:-1] == meant:
        return "keeps its quotes"
    if meant.startswith(text):
        return "is cut by the shell"
    return "is changed by the shell"


def _finding(
    inspection: Inspection, file: EnvFile, place: Location, differences: list[Difference], *, how: str
) -> Finding:
    shown = inspection.shown(file.path)
    told = listed([f"`{one.name}` {one.how}" if one.name else one.how for one in differences], between="; ")
    fix = None
    is_about_line_ends = b"\r\n" in file.content and all(one.how.endswith("return") for one in differences)
    if is_about_line_ends and file.encoding == "utf-8":
        edit = Edit(kind="rewrite", path=shown, value=file.text.replace("\r\n", "\n"))
        fix = Fix(title="save it with Unix line ends", safe=True, edits=(edit,))
    return RULE.finding(
        f"{place.path} sources {shown} in a shell, which reads it otherwise than the programs: {told}.",
        *(inspection.at(file.path, one.line, variable=one.name or None) for one in differences[:8]),
        place,
        hint=_hint(file, how, is_about_line_ends=is_about_line_ends),
        fix=fix,
    )


def _hint(file: EnvFile, how: str, *, is_about_line_ends: bool) -> str:
    if is_about_line_ends:
        return "save it with Unix line ends"
    if _SPLITS.search(how) or _EVALUATES.search(how):
        return f"source it (`set -a; . ./{file.path.name}; set +a`) with these values in single quotes"
    return "put these values into single quotes"


RULE = Rule(
    id="DS512",
    name="sourced-by-shell",
    severity=Severity.ERROR,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
