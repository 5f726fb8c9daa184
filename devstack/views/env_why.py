"""One variable through all layers of every service that defines or reads it, as one picture."""

from __future__ import annotations

import json
from collections.abc import Sequence

from devstack.env.model import Environment, LayerKind, LoadIssue, Shadow, Value
from devstack.env.source.model import SourceRead
from devstack.invisible import visible
from devstack.records import dataclass
from devstack.views.env import Disclosure
from devstack.views.style import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one service has to do with the variable.

    Attributes:
        value: what the program finds; None = nothing.
        reads: places in its source that read it.
        issues: what concerns its definitions.
    """

    environment: Environment
    value: Value | None
    reads: Sequence[SourceRead] = ()
    issues: Sequence[LoadIssue] = ()


def text(name: str, sights: Sequence[Sight], shown: Disclosure, style: Style) -> str:
    """The picture: per service the definitions from the winner down, the files without one, the readers."""
    lines = [style.paint(visible(name), "bold")]
    for sight in sights:
        lines += ["", *_service(name, sight, shown, style)]
    lines += ["", *style.folded(_agreement(sights), "  ")]
    return "\n".join(lines)


def _service(name: str, sight: Sight, shown: Disclosure, style: Style) -> list[str]:
    environment, value = sight.environment, sight.value
    lines = [f"{style.paint(environment.service, 'bold')}  {style.paint(environment.loader, 'dim')}"]
    if environment.is_public(name):
        lines += style.folded("  public: the bundler puts it into what the browser gets", "    ", "yellow")
    if value is None or not value.is_set:
        lines.append("  not set" + ("" if value is None else ": named without a value"))
    else:
        lines += style.folded(f"  = {shown.cell(name, value, environment)}", "    ")
        lines += style.folded(f"    unknown: {value.unknown}", "      ") if value.unknown else []
    lines += _layers(name, sight, shown, style)
    references = () if value is None else shown.references(name, value, environment)
    lines += style.folded(f"  refers to {', '.join(references)}", "    ") if references else []
    for issue in sight.issues:
        first, *further = style.folded(f"  ! {_issue(issue, shown)}", "    ")
        lines += [first.replace("!", style.paint("!", "yellow"), 1), *further]
    for read in sight.reads:
        lines += style.folded(f"  read by {_read(read)}", "    ")
    if not sight.reads:
        lines.append(style.paint("  no reader found in its source", "dim"))
    return lines


def _layers(name: str, sight: Sight, shown: Disclosure, style: Style) -> list[str]:
    """Definitions, the winner first, then files that define nothing."""
    value = sight.value
    definitions: list[Value | Shadow] = [] if value is None else [value, *value.shadows]
    places = [shown.place(one.origin) for one in definitions]
    width = max((len(place) for place in places), default=0)
    lines = []
    for index, (one, place) in enumerate(zip(definitions, places, strict=True)):
        arrow = style.glyph("▸", ">") if index == 0 else " "
        why = "wins" if index == 0 else "hidden"
        cell = shown.cell(name, one, sight.environment)
        line = f"  {arrow} {place:<{width}}  {why:<6}  {cell}"
        lines += style.folded(line, " " * 6, *(() if index == 0 else ("dim",)))
    defining = {one.origin.path for one in definitions}
    for layer in sight.environment.layers:
        if layer.path not in defining:
            note = "does not define it" if layer.exists else "no such file"
            lines += style.folded(f"    {shown.layer(layer.path)}  {note}", " " * 6, "dim")
    if not any(one.origin.layer is LayerKind.PROCESS for one in definitions):
        lines += style.folded(
            "    exported  not in the environment devstack was started with", " " * 6, "dim"
        )
    return lines


def _issue(issue: LoadIssue, shown: Disclosure) -> str:
    line = "" if issue.line is None else f":{issue.line}"
    return f"{shown.path(issue.path)}{line}  {issue.message}"


def _read(read: SourceRead) -> str:
    """`web/src/ws.ts:12  process.env || "ws://localhost:3001"`; the fallback's text may be a secret: only that
    there is one is told."""
    fallback = ""
    if read.fallback is not None:
        operator = f" {read.operator.value}" if read.operator else ""
        fallback = f"{operator} a fallback in the code"
    elif read.computed_fallback:
        fallback = " with a computed fallback"
    further = f", then {', '.join(read.otherwise)}" if read.otherwise else ""
    where = "  in the browser" if read.client else ""
    return f"{read.path}:{read.line}  {read.form}{further}{fallback}{where}"


def _agreement(sights: Sequence[Sight]) -> str:
    """Whether all services find the same text."""
    known = [sight for sight in sights if sight.value is not None and sight.value.text is not None]
    if len(known) < 2:
        return f"set in {len(known)} of {len(sights)} service{'' if len(sights) == 1 else 's'}"
    groups: dict[str | None, list[str]] = {}
    for sight in known:
        found = sight.value.text if sight.value is not None else None
        groups.setdefault(found, []).append(sight.environment.service)
    if len(groups) == 1:
        return f"the same value in {', '.join(*groups.values())}"
    return "different values: " + " | ".join(map(", ".join, groups.values()))


def as_json(name: str, sights: Sequence[Sight], shown: Disclosure) -> str:
    """The same for machines."""
    services = {sight.environment.service: _sight_json(name, sight, shown) for sight in sights}
    return json.dumps({"version": 1, "variable": name, "services": services}, ensure_ascii=False)


def _sight_json(name: str, sight: Sight, shown: Disclosure) -> dict[str, object]:
    value = sight.value
    definitions: list[Value | Shadow] = [] if value is None else [value, *value.shadows]
    return {
        "loader": sight.environment.loader,
        "value": None if value is None else shown.text(name, value, sight.environment),
        "set": value is not None and value.is_set,
        "unknown": None if value is None else value.unknown,
        "public": sight.environment.is_public(name),
        "definitions": [
            {
                "path": None if one.origin.path is None else shown.path(one.origin.path),
                "line": one.origin.line,
                "layer": one.origin.layer.value,
                "wins": index == 0,
                "fingerprint": None if one.text is None else shown.fingerprinter.of(one.text),
            }
            for index, one in enumerate(definitions)
        ],
        "references": [] if value is None else list(shown.references(name, value, sight.environment)),
        "files": [
            {"path": shown.path(layer.path), "exists": layer.exists} for layer in sight.environment.layers
        ],
        "reads": [
            {"path": read.path, "line": read.line, "form": read.form, "client": read.client}
            for read in sight.reads
        ],
    }
