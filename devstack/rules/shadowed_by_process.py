"""An exported variable, often an empty one, wins over the value that the env file gives.

## Why it matters
Next, Vite, dotenv, Node and python-dotenv never replace a variable that the process already has, even
when it is empty. The file looks right, the program sees something else, and an edit of the file changes
nothing. Typical sources: an `export` in the shell's profile, direnv, `environment: - NAME` of a compose
file.

## Example
```
$ export VITE_WS_URL=
web/.env   VITE_WS_URL=ws://localhost:3001    # never reaches the page
```

## Mending
`unset NAME` in the shell that starts devstack, or put the wanted value into `set` of the service in
stack.toml, which wins over both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.env.model import Environment, LayerKind, Value
from devstack.rules.base import Finding, Location, Rule, Severity
from devstack.rules.shared_mismatch import torn_by_exports

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

# Variables that every shell exports; a file that sets one of them only affects containers or other machines.
_AMBIENT = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "TERM", "LANG", "LC_ALL"),
    *("TMPDIR", "TZ", "HOSTNAME", "EDITOR", "PAGER", "DISPLAY"),
}


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per exported name, with every line that it beats."""
    beaten: dict[str, list[tuple[str, Location]]] = {}
    important: set[str] = set()
    special = inspection.variables.take(inspection.variables.special)
    for service, rows in groupby(special, key=lambda row: row.service):
        exported = {name: value for _, name, value in rows if _is_exported(name, value)}
        if not exported:
            continue
        environment = inspection.environments[service]
        alone = _from_files_alone(inspection, service, environment, exported)
        for name, value in exported.items():
            if not _is_other(value, alone.get(name)):
                continue
            beaten.setdefault(name, []).append((service, _place(inspection, name, value)))
            if _matters(inspection, service, environment, name):
                important.add(name)
    groups = torn_by_exports(inspection) if beaten else {}
    for name, places in beaten.items():
        yield _finding(inspection, name, places, is_important=name in important, group=groups.get(name))


def _is_exported(name: str, value: Value) -> bool:
    return (
        value.origin.layer is LayerKind.PROCESS
        and name not in _AMBIENT
        and any(shadow.origin.layer is LayerKind.FILE for shadow in value.shadows)
    )


def _from_files_alone(
    inspection: Inspection, service: str, environment: Environment, exported: Mapping[str, Value]
) -> Mapping[str, Value]:
    """What the service would see if the names were not exported."""
    from devstack.env.resolve import resolve

    process = {name: text for name, text in environment.process.items() if name not in exported}
    again = resolve(inspection.need_stack(), process=process, files=inspection.files, services=[service])
    return again[service].variables


def _is_other(value: Value, alone: Value | None) -> bool:
    if alone is None or alone.text is None or value.text is None:
        return False
    if value.text == alone.text:
        return False
    left, right = urls.comparable(value.text), urls.comparable(alone.text)
    return left is None or left != right


def _place(inspection: Inspection, name: str, value: Value) -> Location:
    origin = next(shadow.origin for shadow in value.shadows if shadow.origin.layer is LayerKind.FILE)
    return inspection.at_origin(origin, name, note="has no effect")


def _matters(inspection: Inspection, service: str, environment: Environment, name: str) -> bool:
    if environment.is_public(name) or name in inspection.declared(service):
        return True
    return name in inspection.read_names(service)


def _finding(
    inspection: Inspection,
    name: str,
    places: list[tuple[str, Location]],
    *,
    is_important: bool,
    group: str | None,
) -> Finding:
    text = inspection.process_env.get(name, "")
    what = "an empty value" if not text else "another value"
    torn = f" Only because of it the readers of shared `{group}` do not agree." if group else ""
    services = ", ".join(f"`{service}`" for service in dict.fromkeys(service for service, _ in places))
    return RULE.finding(
        f"`{name}` is exported in this shell with {what}, which wins over the file in {services}: "
        f"edits of the file change nothing.{torn}",
        *(place for _, place in places),
        severity=Severity.ERROR if is_important else Severity.WARNING,
        service=places[0][0],
        hint=f"`unset {name}` before starting, or set it in stack.toml (`env.set` wins over both)",
    )


RULE = Rule(id="DS503", name="shadowed-by-process", severity=Severity.ERROR, page=__doc__ or "", check=check)
