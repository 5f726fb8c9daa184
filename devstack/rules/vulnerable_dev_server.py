"""The installed Vite or Next has a known hole through which other web pages read env files or source.

## Why it matters
While the dev server runs, a page of any site that you visit (or anybody in your network with `--host`) can read
`.env` and source files, or talk to the server as if it were your page. The ranges below concern development; they
are no complete list of advisories.

## Example
`vite 6.2.0` answers `/.env?import&raw??`: CVE-2025-30208, fixed in 6.2.3.

## Mending
Update within the same major version, to the version that the finding names or newer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.records import dataclass
from devstack.rules import packages, versions
from devstack.rules.base import Finding, Rule, Severity
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One hole: the first fixed version of each release line; versions before `since` do not have it."""

    package: str
    id: str
    what: str
    fixed: tuple[str, ...]
    since: str = "0"


ADVISORIES = (
    Advisory(
        package="vite",
        id="CVE-2025-24010",
        what="any website can talk to the dev server and its WebSocket",
        fixed=("4.5.6", "5.4.12", "6.0.9"),
    ),
    Advisory(
        package="vite",
        id="CVE-2025-30208",
        what="`?raw??` reads any file, .env included",
        fixed=("4.5.10", "5.4.15", "6.0.12", "6.1.2", "6.2.3"),
    ),
    Advisory(
        package="vite",
        id="CVE-2025-31125",
        what="`?inline&import` reads any file, .env included",
        fixed=("4.5.11", "5.4.16", "6.0.13", "6.1.3", "6.2.4"),
    ),
    Advisory(
        package="vite",
        id="CVE-2025-31486",
        what="`.svg?` and relative paths read any file, .env included",
        fixed=("4.5.12", "5.4.17", "6.0.14", "6.1.4", "6.2.5"),
    ),
    Advisory(
        package="vite",
        id="CVE-2025-32395",
        what="a request line with `#` reads any file, .env included",
        fixed=("4.5.13", "5.4.18", "6.0.15", "6.1.5", "6.2.6"),
    ),
    Advisory(
        package="vite",
        id="CVE-2025-46565",
        what="`/.` paths read denied files of the root, .env included",
        fixed=("4.5.14", "5.4.19", "6.1.6", "6.2.7", "6.3.4"),
    ),
    Advisory(
        package="next",
        id="CVE-2025-48068",
        what="any website can read source through the dev server",
        fixed=("14.2.30", "15.2.2"),
        since="13.0",
    ),
    Advisory(
        package="next",
        id="CVE-2025-66478",
        what="a crafted request runs code in the server, which holds every secret",
        fixed=("15.0.5", "15.1.9", "15.2.6", "15.3.6", "15.4.8", "15.5.7", "16.0.7"),
        since="15.0",
    ),
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per package and folder, naming every advisory."""
    told: set[str] = set()
    for service in inspection.services:
        if service.type not in FRONTENDS:
            continue
        name = service.type.value
        found = packages.installed(inspection.files, inspection.folder(service), name, inspection.root)
        if found is None or found[1] is None or str(found[0]) in told:
            continue
        told.add(str(found[0]))
        version = found[1]
        holes = [hole for hole in ADVISORIES if hole.package == name and is_affected(version, hole)]
        if holes:
            target = max((_fix_for(version, hole) for hole in holes), key=lambda one: one)
            listed = "; ".join(f"{hole.id}: {hole.what}" for hole in holes[:3])
            more = f"; and {len(holes) - 3} more" if len(holes) > 3 else ""
            yield RULE.finding(
                f"{name} {versions.shown(version)} of `{service.name}` has known holes ({listed}{more}).",
                inspection.at(inspection.folder(service) / "package.json", variable=name),
                service=service.name,
                hint=f"update {name} to {versions.shown(target)} or newer",
            )


def is_affected(version: versions.Version, hole: Advisory) -> bool:
    """Whether the version is older than the fix of its own release line, or than every fix."""
    since = versions.parse(hole.since)
    if since is not None and versions.compare(version, since) < 0:
        return False
    return versions.compare(version, _fix_for(version, hole)) < 0


def _fix_for(version: versions.Version, hole: Advisory) -> versions.Version:
    """The fix of the version's own minor line, else the first one at or above it, else the newest."""
    fixes = [found for text in hole.fixed if (found := versions.parse(text)) is not None]
    own = [fix for fix in fixes if fix[:2] == version[:2]]
    above = [fix for fix in fixes if versions.compare(fix, version) > 0 and fix[:1] == version[:1]]
    newer = [fix for fix in fixes if versions.compare(fix, version) > 0]
    if own:
        return own[0]
    if any(fix[:1] == version[:1] for fix in fixes) and not above:
        return fixes[-1] if versions.compare(fixes[-1], version) <= 0 else min(fixes)
    return min(above or newer or fixes[-1:])


RULE = Rule(
    id="DS007", name="vulnerable-dev-server", severity=Severity.WARNING, page=__doc__ or "", check=check
)
