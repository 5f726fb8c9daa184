"""Environments as text and JSON: values masked unless they are to be revealed, each with its origin."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from devstack.env.model import Environment, LayerKind, LoadIssue, Origin, Shadow, Value
from devstack.env.secrets import Fingerprinter, is_masked, is_plain_name
from devstack.invisible import visible
from devstack.records import dataclass, field
from devstack.views.style import Style, cut

_LONGEST_NAME, _LONGEST_VALUE = 40, 48
_SHORTEST_SECRET = 5  # shorter ones are found in harmless texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What may be shown: with `reveal` every text, else only texts that are no secrets.

    Attributes:
        root: paths are shown relative to it.
    """

    root: Path
    reveal: bool = False
    fingerprinter: Fingerprinter = field(default_factory=Fingerprinter)
    _paths: dict[Path, str] = field(default_factory=dict)
    _secrets: dict[str, Mapping[str, set[str]]] = field(default_factory=dict)

    def path(self, path: Path) -> str:
        """POSIX, relative to the stack's root."""
        known = self._paths.get(path)
        if known is None:
            known = self._paths[path] = Path(os.path.relpath(path, self.root)).as_posix()
        return known

    def layer(self, path: Path) -> str:
        """The path, and where a link leads: what is written there is written into another file."""
        if not path.is_symlink():
            return self.path(path)
        return f"{self.path(path)} -> {self.path(Path(os.path.realpath(path)))}"

    def place(self, origin: Origin) -> str:
        """`web/.env:3`, or the layer where there is no file."""
        if origin.path is None:
            return {LayerKind.PROCESS: "exported", LayerKind.SET: "set"}.get(origin.layer, origin.layer.value)
        line = "" if origin.line is None else f":{origin.line}"
        return f"{self.path(origin.path)}{line}"

    def name(self, name: str) -> str:
        """The name on one line; of a text that a loader took for a name only what tells it from others."""
        return visible(self.key(name))

    def key(self, name: str) -> str:
        """The name for machines, to the byte where values are revealed."""
        if self.reveal or is_plain_name(name):
            return name
        return f"({self.fingerprinter.describe(name)}: no name)"

    def references(self, name: str, value: Value, environment: Environment) -> tuple[str, ...]:
        """Names that the value refers to; what follows the `$` of a secret and is no variable may be a piece of it."""
        if not (value.text and self._hides(name, value.text, environment)):
            return tuple(value.references)
        return tuple(one for one in value.references if environment.get(one) is not None)

    def text(self, name: str, value: Value, environment: Environment) -> str | None:
        """The text for machines; None when it is masked or there is none."""
        if value.text is None or self._hides(name, value.text, environment):
            return None
        return value.text

    def cell(self, name: str, one: Value | Shadow, environment: Environment) -> str:
        """The text for people, on one line."""
        if isinstance(one, Value) and one.unknown is not None:
            return "unknown"
        if one.text is None:
            return "not set"
        if one.text == "":
            return "(empty)"
        if self._hides(name, one.text, environment):
            return self.fingerprinter.describe(one.text)
        return visible(one.text)

    def _hides(self, name: str, text: str, environment: Environment) -> bool:
        """Whether the text is a secret, or holds one that the environment knows (`REF=${JWT_SECRET}/x`)."""
        if self.reveal or not text:
            return False
        if is_masked(name, text):
            return True
        known = self._secrets.get(environment.service)
        if known is None:
            known = self._secrets[environment.service] = _secrets(environment)
        starts = {text[at : at + _SHORTEST_SECRET] for at in range(len(text) - _SHORTEST_SECRET + 1)}
        return any(secret in text for start in known.keys() & starts for secret in known[start])


def _secrets(environment: Environment) -> Mapping[str, set[str]]:
    """The secrets by how they start, so that many of them are looked for in one pass over a text."""
    found: dict[str, set[str]] = {}
    for name, value in environment.variables.items():
        for text in (value.text, *(shadow.text for shadow in value.shadows)):
            if text and len(text) >= _SHORTEST_SECRET and is_masked(name, text):
                found.setdefault(text[:_SHORTEST_SECRET], set()).add(text)
    return found


def as_json(environments: Mapping[str, Environment], shown: Disclosure) -> str:
    """The contract of `devstack env --json`."""
    services = {name: _service_json(environment, shown) for name, environment in environments.items()}
    return json.dumps({"version": 1, "services": services}, ensure_ascii=False, separators=(",", ":"))


def _service_json(environment: Environment, shown: Disclosure) -> dict[str, object]:
    return {
        "loader": environment.loader,
        "mode": environment.mode,
        "files": [{"path": shown.path(layer.path), "exists": layer.exists} for layer in environment.layers],
        "variables": {
            shown.key(name): _variable_json(name, value, environment, shown)
            for name, value in environment.variables.items()
        },
        "errors": [
            {"path": shown.path(issue.path), "line": issue.line, "message": issue.message}
            for issue in environment.issues
        ],
    }


def _variable_json(name: str, value: Value, environment: Environment, shown: Disclosure) -> dict[str, object]:
    origin = value.origin
    made: dict[str, object] = {
        "value": shown.text(name, value, environment),
        "fingerprint": None if value.text is None else shown.fingerprinter.of(value.text),
        "path": None if origin.path is None else shown.path(origin.path),
        "line": origin.line,
        "layer": origin.layer.value,
        "public": environment.is_public(name),
        "shadows": [_shadow_json(shadow.origin, shown) for shadow in value.shadows],
    }
    if value.unknown is not None:
        made["unknown"] = value.unknown
    return made


def _shadow_json(origin: Origin, shown: Disclosure) -> dict[str, object]:
    if origin.path is None:
        return {"path": None, "line": None, "layer": origin.layer.value}
    return {"path": shown.path(origin.path), "line": origin.line}


def tables(environments: Iterable[Environment], shown: Disclosure, style: Style) -> str:
    """One table for each service."""
    return "\n\n".join(_table(environment, shown, style) for environment in environments)


def _table(environment: Environment, shown: Disclosure, style: Style) -> str:
    head = f"{style.paint(environment.service, 'bold')}  {style.paint(_reader(environment), 'dim')}"
    lines = [head, *_file_lines(environment, shown, style)]
    rows = [_row(name, value, environment, shown) for name, value in environment.variables.items()]
    if not rows:
        lines.append("  no variables from files")
    name_width = max((len(row[0]) for row in rows if len(row[0]) <= _LONGEST_NAME), default=0)
    longest = min(_LONGEST_VALUE, max((len(row[1]) for row in rows), default=0))
    value_width = max(min(longest, style.width - name_width - 4), 8)
    for row in rows:
        lines += _row_lines(row, name_width, value_width, style)
    for issue in environment.issues:
        lines += _issue_lines(issue, shown, style)
    return "\n".join(lines)


def _row_lines(row: tuple[str, str, str, str], name_width: int, value_width: int, style: Style) -> list[str]:
    """One row; what does not fit stands on lines of its own: a long name above, notes below."""
    name, text, place, note = row
    below = " " * (name_width + 4)
    lines = [] if len(name) <= name_width else [f"  {name}"]
    lead = below if lines else f"  {name:<{name_width}}  "
    cells = f"{lead}{cut(text, value_width):<{value_width}}  {place}"
    if len(cells) > style.width:
        shown = [
            *style.folded(f"{lead}{cut(text, value_width)}", "    "),
            *style.folded(f"    {place}", "      "),
        ]
        return [*lines, *shown, *(style.folded(f"    {note}", "      ", "dim") if note else ())]
    if not note:
        return [*lines, cells]
    if len(cells) + 2 + len(note) <= style.width:
        return [*lines, cells + style.paint(f"  {note}", "dim")]
    return [*lines, cells, *style.folded(f"{below}{note}", below, "dim")]


def _reader(environment: Environment) -> str:
    return f"{environment.loader}, {environment.mode}"


def _file_lines(environment: Environment, shown: Disclosure, style: Style) -> list[str]:
    lines = []
    for layer in environment.layers:
        mark = style.glyph("✓", "+") if layer.exists else style.glyph("·", "-")
        note = "" if layer.exists else "  no such file"
        lines += style.folded(f"  {mark} {shown.layer(layer.path)}{note}", "    ", "dim")
    return lines


def _row(name: str, value: Value, environment: Environment, shown: Disclosure) -> tuple[str, str, str, str]:
    notes = []
    if environment.is_public(name):
        notes.append("public")
    if value.unknown is not None:
        notes.append(value.unknown)
    if value.shadows:
        hidden = ", ".join(shown.place(shadow.origin) for shadow in value.shadows)
        notes.append(f"hides {hidden}")
    return (
        shown.name(name),
        shown.cell(name, value, environment),
        shown.place(value.origin),
        "; ".join(notes),
    )


def _issue_lines(issue: LoadIssue, shown: Disclosure, style: Style) -> list[str]:
    line = "" if issue.line is None else f":{issue.line}"
    first, *further = style.folded(f"  ! {shown.path(issue.path)}{line}  {issue.message}", "    ")
    colour = "red" if issue.fatal else "yellow"
    return [first.replace("!", style.paint("!", colour), 1), *further]
