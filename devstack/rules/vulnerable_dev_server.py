"""The installed Vite or Next has a known hole through which other web pages read env files or source.

## Why it matters
While the dev server runs, a page of any site that you visit (or anybody in your network with `--host`) can read
`.env` and source files, or talk to the server as if it were your page. The table holds what concerns env files,
secrets and origin checks of a development server; holes of Windows only and of production are left out.

| advisory | package | affected |
|---|---|---|
| CVE-2025-24010 GHSA-vg6x-rcgg-rjx6 | vite | <4.5.6, 5.0–<5.4.12, 6.0–<6.0.9 |
| CVE-2025-30208 GHSA-x574-m823-4x7w | vite | <4.5.10, 5.0–<5.4.15, 6.0–<6.0.12, 6.1–<6.1.2, 6.2–<6.2.3 |
| CVE-2025-31125 GHSA-4r4m-qw57-chr8 | vite | <4.5.11, 5.0–<5.4.16, 6.0–<6.0.13, 6.1–<6.1.3, 6.2–<6.2.4 |
| CVE-2025-31486 GHSA-xcj6-pq6g-qj4x | vite | <4.5.12, 5.0–<5.4.17, 6.0–<6.0.14, 6.1–<6.1.4, 6.2–<6.2.5 |
| CVE-2025-32395 GHSA-356w-63v5-8wf4 | vite | <4.5.13, 5.0–<5.4.18, 6.0–<6.0.15, 6.1–<6.1.5, 6.2–<6.2.6 |
| CVE-2025-46565 GHSA-859w-5945-r5v3 | vite | <4.5.14, 5.0–<5.4.19, 6.0–<6.1.6, 6.2–<6.2.7, 6.3–<6.3.4 |
| CVE-2026-39363 GHSA-p9ff-h696-f583 | vite | 6.0–<6.4.2, 7.0–<7.3.2, 8.0–<8.0.5 |
| CVE-2026-39364 GHSA-v2wj-q39q-566r | vite | 7.1–<7.3.2, 8.0–<8.0.5 |
| CVE-2026-118662 GHSA-8g5g-mxqh-grgj | vite | 6.4.4–<6.4.5 |
| CVE-2025-48068 GHSA-3h52-269p-cp9r | next | 13.0–<14.2.30, 15.0–<15.2.2 |
| CVE-2025-66478 GHSA-9qr9-h5gf-34mp | next | 15.0–<15.0.5, 15.1–<15.1.9, 15.2–<15.2.6, 15.3–<15.3.6, 15.4–<15.4.8, 15.5–<15.5.7, 16.0–<16.0.7 |
| CVE-2026-94485 GHSA-f87g-xv8r-7p7x | next | 16.0–<16.3.8 |

Ranges as in the CVE records (cve.org) and, for Next's CVE-2025-48068 (14.2 line) and CVE-2025-66478, as in the
advisories GHSA-3h52-269p-cp9r and GHSA-9qr9-h5gf-34mp; looked at in November 2026.

## Example
`vite 6.2.0` answers `/.env?import&raw??`: CVE-2025-30208, fixed in 6.2.3.

## Mending
Update within the same major version, to the version that the finding names or newer.
"""  # noqa: E501 - a row of the table

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.records import dataclass
from devstack.rules import packages, versions
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.wording import listed
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One hole of one package.

    Attributes:
        affected: pairs of the first version that has it and the first one that has it no more.
        needs_host: only a server that listens beyond this machine (`--host`, `server.host`) can be asked.
    """

    package: str
    id: str
    what: str
    affected: tuple[tuple[str, str], ...]
    needs_host: bool = False


ADVISORIES = (
    Advisory(
        package="vite",
        id="CVE-2025-24010",
        what="any website can talk to the dev server and its WebSocket",
        affected=(("0", "4.5.6"), ("5.0.0", "5.4.12"), ("6.0.0", "6.0.9")),
    ),
    Advisory(
        package="vite",
        id="CVE-2025-30208",
        what="`?raw??` reads any file, .env included",
        affected=(
            ("0", "4.5.10"),
            ("5.0.0", "5.4.15"),
            ("6.0.0", "6.0.12"),
            ("6.1.0", "6.1.2"),
            ("6.2.0", "6.2.3"),
        ),
        needs_host=True,
    ),
    Advisory(
        package="vite",
        id="CVE-2025-31125",
        what="`?inline&import` reads any file, .env included",
        affected=(
            ("0", "4.5.11"),
            ("5.0.0", "5.4.16"),
            ("6.0.0", "6.0.13"),
            ("6.1.0", "6.1.3"),
            ("6.2.0", "6.2.4"),
        ),
        needs_host=True,
    ),
    Advisory(
        package="vite",
        id="CVE-2025-31486",
        what="`?.svg` and relative paths read small files, .env included",
        affected=(
            ("0", "4.5.12"),
            ("5.0.0", "5.4.17"),
            ("6.0.0", "6.0.14"),
            ("6.1.0", "6.1.4"),
            ("6.2.0", "6.2.5"),
        ),
        needs_host=True,
    ),
    Advisory(
        package="vite",
        id="CVE-2025-32395",
        what="a request line with `#` reads any file, .env included",
        affected=(
            ("0", "4.5.13"),
            ("5.0.0", "5.4.18"),
            ("6.0.0", "6.0.15"),
            ("6.1.0", "6.1.5"),
            ("6.2.0", "6.2.6"),
        ),
        needs_host=True,
    ),
    Advisory(
        package="vite",
        id="CVE-2025-46565",
        what="`/.` paths read denied files of the root, .env included",
        affected=(
            ("0", "4.5.14"),
            ("5.0.0", "5.4.19"),
            ("6.0.0", "6.1.6"),
            ("6.2.0", "6.2.7"),
            ("6.3.0", "6.3.4"),
        ),
        needs_host=True,
    ),
    Advisory(
        package="vite",
        id="CVE-2026-39363",
        what="the WebSocket reads any file, .env included",
        affected=(("6.0.0", "6.4.2"), ("7.0.0", "7.3.2"), ("8.0.0", "8.0.5")),
        needs_host=True,
    ),
    Advisory(
        package="vite",
        id="CVE-2026-39364",
        what="`?raw` reads denied files, .env included",
        affected=(("7.1.0", "7.3.2"), ("8.0.0", "8.0.5")),
        needs_host=True,
    ),
    Advisory(
        package="vite",
        id="CVE-2026-118662",
        what="`?raw` reads denied files, .env included",
        affected=(("6.4.4", "6.4.5"),),
        needs_host=True,
    ),
    Advisory(
        package="next",
        id="CVE-2025-48068",
        what="any website can read source through the dev server",
        affected=(("13.0.0", "14.2.30"), ("15.0.0", "15.2.2")),
    ),
    Advisory(
        package="next",
        id="CVE-2025-66478",
        what="a crafted request runs code in the server, which holds every secret",
        affected=(
            ("15.0.0", "15.0.5"),
            ("15.1.0", "15.1.9"),
            ("15.2.0", "15.2.6"),
            ("15.3.0", "15.3.6"),
            ("15.4.0", "15.4.8"),
            ("15.5.0", "15.5.7"),
            ("16.0.0", "16.0.7"),
        ),
    ),
    Advisory(
        package="next",
        id="CVE-2026-94485",
        what="any website can read source snippets and logs through the dev server",
        affected=(("16.0.0", "16.3.8"),),
    ),
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per installed package, naming its advisories, the worst reach first."""
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
        holes = sorted(holes_of(name, version), key=lambda hole: hole.needs_host)
        if holes:
            what = listed([f"{hole.id}: {hole.what}" for hole in holes], 3, "; ")
            reach = " Only a server opened with `--host` can be reached so." if holes[0].needs_host else ""
            yield RULE.finding(
                f"{name} {versions.shown(version)} of `{service.name}` has known holes ({what}).{reach}",
                inspection.at(inspection.folder(service) / "package.json", variable=name),
                service=service.name,
                hint=f"update {name} to {versions.shown(mended(name, version))} or newer",
            )


def holes_of(package: str, version: versions.Version) -> list[Advisory]:
    """The advisories that concern this version."""
    return [hole for hole in ADVISORIES if hole.package == package and _fix(hole, version) is not None]


def mended(package: str, version: versions.Version) -> versions.Version:
    """The first version above that no advisory of the table concerns."""
    while fixes := [fix for hole in holes_of(package, version) if (fix := _fix(hole, version))]:
        version = max(fixes)
    return version


def _fix(hole: Advisory, version: versions.Version) -> versions.Version | None:
    """The end of the affected range that `version` lies in."""
    for first, fixed in hole.affected:
        low, high = versions.parse(first), versions.parse(fixed)
        if low and high and versions.compare(low, version) <= 0 < versions.compare(high, version):
            return high
    return None


RULE = Rule(
    id="DS007", name="vulnerable-dev-server", severity=Severity.WARNING, page=__doc__ or "", check=check
)
