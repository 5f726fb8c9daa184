"""What a shell makes of an env file, against what the programs do with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from devstack.env.model import LayerKind
from devstack.env.word_splitting import evaluated, exported
from devstack.patterns import regex
from devstack.rules.command_substitution import substitutes
from devstack.rules.readings import Difference, either, read_with
from devstack.rules.sourcing import EVALUATES, SPLITS

if TYPE_CHECKING:
    from devstack.rules.envfiles import EnvFile
    from devstack.rules.inspection import Inspection

# A character outside quotes that ends the assignment or starts a command; a comment does neither.
_ACTIVE = regex(r"[^\s'\"\\]*(?:[&;|<>`]|\s+(?!#)\S)")


def differences(inspection: Inspection, file: EnvFile, how: str) -> list[Difference]:
    """Variables of which the shell gets another text than every program that reads the file."""
    is_evaluated = EVALUATES.search(how) is not None
    if not is_evaluated and SPLITS.search(how):
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
    return compared(inspection, file, {**every, **given})


def compared(inspection: Inspection, file: EnvFile, given: Mapping[str, str | None]) -> list[Difference]:
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
