"""An env file with real secrets is tracked by git, or nothing keeps it from being added.

## Why it matters
What was committed once stays in the history of every clone. Bots read public repositories within minutes, and a
private one has more readers than its secrets should have.

Committed development defaults, placeholders and examples are not meant: a secret counts only when it looks random
or is of a known provider's kind. A file that is merely not ignored is a warning.

## Example
```
$ git ls-files
.env            # STRIPE_SECRET_KEY=sk_live_…
```

## Mending
`git rm --cached FILE`, add it to .gitignore, and replace the secrets: removing the file does not remove the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract.spelling import intended
from devstack.env.secrets import is_secret_text
from devstack.host.checkouts import checkout_root
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity, Skip
from devstack.rules.envfiles import is_example
from devstack.rules.exposure import looks_real

if TYPE_CHECKING:
    from devstack.rules.envfiles import Assignment
    from devstack.rules.inspection import Inspection

_DEVELOPMENT = {"development", "dev"}  # committed defaults: only a known provider's key is certainly real
_TESTS = {"test", "testing", "ci", "e2e"}  # keys made for tests


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per tracked file, one for all that nothing ignores."""
    holders = [path for path in inspection.env_paths if not is_example(path.name)]
    found = {path: secret for path in holders if (secret := real_secret(inspection, path)) is not None}
    if not found:
        return
    tracked = inspection.tracked_env_files
    if tracked is None:
        if checkout_root(str(inspection.root)) is not None:
            raise Skip("git does not say which files it tracks; `git status` tells why")
        return
    loose: list[tuple[Path, Assignment]] = []
    for path, secret in found.items():
        if inspection.shown(path) in tracked:
            yield _tracked(inspection, path, secret)
        else:
            loose.append((path, secret))
    inside = {inspection.shown(path): (path, secret) for path, secret in loose}
    inside = {shown: found for shown, found in inside.items() if not shown.startswith("../")}
    ignored = inspection.host.ignored(inspection.root, list(inside))
    if ignored is not None and not ignored.issuperset(inside):
        yield _loose(inspection, {shown: found for shown, found in inside.items() if shown not in ignored})


def real_secret(inspection: Inspection, path: Path) -> Assignment | None:
    """The first assignment of the file that is certainly a real secret."""
    file = inspection.env_file(path)
    words = set(path.name.split("."))
    if file is None or words & _TESTS or not file.may_hold_secret:
        return None
    for each in file.assignments:
        text = intended(each.raw)
        if looks_real(each.name, text) and (not words & _DEVELOPMENT or is_secret_text(text)):
            return each
    return None


def _tracked(inspection: Inspection, path: Path, secret: Assignment) -> Finding:
    shown = inspection.shown(path)
    return RULE.finding(
        f"{shown} is tracked by git and holds real secrets (`{secret.name}` for one): everybody with a clone has "
        "them, now and from the history.",
        inspection.at(path, secret.line, variable=secret.name),
        service=next(iter(inspection.readers(path)), None),
        hint=f"`git rm --cached {shown}`, ignore it, and replace the secrets",
    )


def _loose(inspection: Inspection, found: Mapping[str, tuple[Path, Assignment]]) -> Finding:
    """One finding for all files: they are mended in one place."""
    names = ", ".join(found)
    edits = tuple(Edit(kind="append-line", path=".gitignore", value=f"/{shown}") for shown in found)
    first = next(iter(found.values()))
    return RULE.finding(
        f"{names} {'holds' if len(found) == 1 else 'hold'} real secrets (`{first[1].name}` for one), and no "
        ".gitignore keeps them out: the next `git add .` commits them.",
        *(inspection.at(path, secret.line, variable=secret.name) for path, secret in found.values()),
        severity=Severity.WARNING,
        service=next(iter(inspection.readers(first[0])), None),
        hint="add them to .gitignore",
        fix=Fix(title=f"ignore {names}", safe=True, edits=edits),
    )


RULE = Rule(
    id="DS307",
    name="env-file-tracked",
    severity=Severity.ERROR,
    page=__doc__ or "",
    check=check,
    fixable=True,
)
