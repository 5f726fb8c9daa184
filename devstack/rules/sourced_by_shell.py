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

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.rules import sourcing
from devstack.rules.base import Edit, Finding, Fix, Location, Rule, Severity
from devstack.rules.wording import listed

if TYPE_CHECKING:
    from devstack.rules.envfiles import EnvFile
    from devstack.rules.inspection import Inspection
    from devstack.rules.readings import Difference


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per sourced file."""
    told: set[str] = set()
    scripts = [(path, text) for path, text in sourcing.scripts(inspection) if "env" in text]
    sourced = list(sourcing.sourced(inspection, scripts))
    if not scripts and not sourced:
        return
    from devstack.rules import shell_texts  # what shells make of texts is much to load for nothing

    for path, place, how in sourced:
        real = inspection.real(path)
        file = inspection.env_file(path)
        if real in told or file is None:
            continue
        told.add(real)
        differences = shell_texts.differences(inspection, file, how)
        if differences:
            yield _finding(inspection, file, place, differences, how=how)
    yield from _verbatim(inspection, scripts, told)


def _verbatim(
    inspection: Inspection, scripts: Sequence[tuple[Path, str]], told: set[str]
) -> Iterator[Finding]:
    """Files that make or a loop reads without taking quotes off."""
    from devstack.env import verbatim
    from devstack.rules import shell_texts

    for script, text in scripts:
        is_makefile = script.suffix == ".mk" or script.name.lower().endswith("makefile")
        for way in verbatim.ways(text, is_makefile=is_makefile):
            for path, place in sourcing.target(inspection, script, way.line, way.file):
                file = inspection.env_file(path)
                if file is None or inspection.real(path) in told:
                    continue
                told.add(inspection.real(path))
                differences = shell_texts.compared(inspection, file, verbatim.given(file.text, way))
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
    if sourcing.SPLITS.search(how) or sourcing.EVALUATES.search(how):
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
