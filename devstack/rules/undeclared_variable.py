"""Source reads a variable that nothing defines: no env file, no `set`, no shell.

## Why it matters
The program gets `undefined` or `None`: it fails at the first use, often long after start. Names that
stack.toml speaks of are reported as `missing-variable`; here are URLs and secrets that are read without a
fallback (warning), and the rest in one note per service.

## Example
```
ws/main.py:12   redis = connect(os.environ["REDIS_URL"])      # in no env file
```

## Mending
Define it in the service's env file and in the example. Names that platforms and SDKs set themselves are
left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract.members import is_blinded
from devstack.env.model import Environment
from devstack.env.secrets import is_publishable, is_secret_name
from devstack.env.source.model import SourceRead
from devstack.patterns import regex
from devstack.rules import absence
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.envfiles import is_example
from devstack.rules.known_names import is_platform
from devstack.rules.wording import named
from devstack.stack import defaults
from devstack.stack.model import Service

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_URL_NAME = regex(r"(?:^|_)(?:URL|URI|ENDPOINT|ORIGIN|DSN)$")
_OPTIONAL = regex(r"SENTRY|DSN|ANALYTICS|POSTHOG|TELEMETRY|OTEL|PROXY|WEBHOOK")
# Schemas fail by themselves, with a clear message, or declare the field optional.
_FORMS = ("pydantic", "zod", "configService")
_LISTED = 8
_ALONE = 4  # more than these are no slip, but an env file or an example that is not kept
# `!!process.env.X`, `Boolean(process.env.X)`, `if (process.env.X)`, `process.env.X && …`, `process.env.X ? … : …`
_ASKS = regex(r"(?:!!|\btypeof|\b[Bb]ool(?:ean)?\(|\b(?:if|elif|while)(?:\s*\()?)$")
# `const url = process.env.X`, where the module then asks for `url` in one of these ways.
_NAMED = regex(r"(?:^|\s)([A-Za-z_]\w*)\s*(?::[^=]*)?=$")
_ASKED_BY_NAME = (
    r"\b(?:if|elif|while)\s*\(?\s*{0}\s*(?:\)|:|&&|and\b)|(?:!!|[Bb]ool(?:ean)?\(){0}\b"
    r"|\b{0}\s*(?:&&|\?(?![?.])|if\b)|\bif {0} else\b"
    # Gone without, and nothing is said of it.
    r"|\bif\s*\(\s*!{0}\s*\)\s*\{{?\s*(?:continue\b|return\s*(?:null|undefined|false)?\s*[;\n}}])"
    r"|\bif not {0}:\s*(?:continue\b|return(?: None| False)?\s*\n)"
)
_ASKED = regex(r"[\w.]+(?:\([^()]*\)|\[[^\]]*\])?\s*(?:&&|\?(?![?.])|and\b|if\b|\)\s*(?:&&|\{))")
_OF_OBJECT = regex(r"\w+\.\w")
_ELSE = ("??", "||", " or")


def check(inspection: Inspection) -> Iterator[Finding]:
    """Warnings one by one, the rest together."""
    inspection.need_stack()
    examples = [path for path in inspection.env_paths if is_example(path.name)]
    for service in inspection.services:
        environment = inspection.environment(service.name)
        if environment is None or not defaults.starts(service) or is_blinded(environment):
            continue
        declared = inspection.declared(service.name)
        found = _undefined(
            inspection, service, environment, declared | _documented(inspection, service, examples)
        )
        quiet: dict[str, SourceRead] = {}
        loud: dict[str, list[SourceRead]] = {}
        chains = [
            read for read in inspection.sources(service.name).reads if set(read.otherwise) & found.keys()
        ]
        others = {name for read in chains if not _copes(inspection, read) for name in read.otherwise}
        for name, reads in found.items():
            if _is_loud(name, reads) and not any(_copes(inspection, read, others) for read in reads):
                loud[name] = reads
            else:
                quiet[name] = reads[0]
        if len(loud) > _ALONE:
            yield _together(inspection, service, loud)
        else:
            yield from (_loud(inspection, service, name, reads) for name, reads in loud.items())
        if quiet:
            yield _quiet(inspection, service, quiet)


def _undefined(
    inspection: Inspection, service: Service, environment: Environment, declared: frozenset[str]
) -> dict[str, list[SourceRead]]:
    """Name → its reads, for names that neither anybody defines nor another rule speaks of (`declared`)."""
    reads = [read for read in inspection.sources(service.name).reads if read.name is not None]
    satisfied = {
        name
        for read in reads
        for name in _chain(read)
        if any(environment.get(other) is not None for other in _chain(read))
    }
    satisfied.update(
        name
        for settings in inspection.sources(service.name).settings
        if settings.nested_delimiter
        for name in settings.fields
        if any(settings.is_part(other, name) for other in environment.variables)
    )
    found: dict[str, list[SourceRead]] = {}
    for read in reads:
        name = read.name
        assert name is not None
        if environment.get(name) is not None or name in satisfied or name in declared:
            continue
        if absence.is_lost_line(inspection, service.name, (name,)):
            continue  # `syntax` and its like name the line
        if is_platform(name) or (read.client and not environment.is_public(name)):
            continue
        found.setdefault(name, []).append(read)
    return found


def _chain(read: SourceRead) -> tuple[str, ...]:
    return (read.name or "", *read.otherwise)


def _documented(inspection: Inspection, service: Service, examples: list[Path]) -> set[str]:
    """Keys of the examples beside the service: `example-drift` speaks of them."""
    folders = {inspection.folder(service), inspection.root}
    names: set[str] = set()
    for path in examples:
        if path.parent in folders:
            file = inspection.env_file(path)
            names.update(entry.name for entry in file.assignments) if file else None
    return names


def _is_loud(name: str, reads: list[SourceRead]) -> bool:
    if any(read.has_fallback or read.otherwise or read.form in _FORMS for read in reads) or _OPTIONAL.search(
        name
    ):
        return False
    is_secret = is_secret_name(name) and not is_publishable(name)
    return is_secret or bool(_URL_NAME.search(name))


def _copes(inspection: Inspection, read: SourceRead, others: Collection[str] = ()) -> bool:
    """Whether the code asks there if it is set at all, or takes it only where something else is not given.

    `others` are variables that stand for others that are not given either.
    """
    line = inspection.line(read.path, read.line)
    before = line[: read.column].rstrip() or inspection.line(read.path, read.line - 1).rstrip()
    after = line[read.column :]
    if read.form == "wrapper" and _OF_OBJECT.match(after):
        return True  # `env.X` of a module that checks the environment: it fails by itself, or X is optional
    is_asked = _ASKED.match(after) is not None and not before.endswith("!")
    if is_asked or _ASKS.search(before) is not None or (before.endswith(_ELSE) and read.name not in others):
        return True
    given = _NAMED.search(before)
    if given is None:
        return False
    text = inspection.read_text(inspection.root / read.path) or ""
    return re.search(_ASKED_BY_NAME.format(given[1]), text) is not None


def _loud(inspection: Inspection, service: Service, name: str, reads: list[SourceRead]) -> Finding:
    return RULE.finding(
        f"`{service.name}` reads `{name}`, which no env file, `set` or shell defines: the code gets nothing.",
        *(inspection.at(read.path, read.line, variable=name) for read in reads[:4]),
        severity=Severity.WARNING,
        service=service.name,
        hint="define it in the service's env file and in the example",
    )


def _together(inspection: Inspection, service: Service, found: dict[str, list[SourceRead]]) -> Finding:
    return RULE.finding(
        f"`{service.name}` reads {len(found)} secrets and URLs that no env file, `set` or shell defines: "
        f"{named(found, _LISTED)}.",
        *(inspection.at(reads[0].path, reads[0].line, variable=name) for name, reads in found.items()),
        severity=Severity.WARNING,
        service=service.name,
        hint="define those that it needs in its env file, and all of them in the example",
    )


def _quiet(inspection: Inspection, service: Service, found: dict[str, SourceRead]) -> Finding:
    return RULE.finding(
        f"`{service.name}` reads names that no env file defines: {named(found, _LISTED)}.",
        *(inspection.at(read.path, read.line, variable=name) for name, read in list(found.items())[:_LISTED]),
        severity=Severity.INFO,
        service=service.name,
    )


RULE = Rule(
    id="DS702", name="undeclared-variable", severity=Severity.WARNING, page=__doc__ or "", check=check
)
