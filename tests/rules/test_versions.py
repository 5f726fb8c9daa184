"""Version ranges of npm, Node and Python projects."""

from __future__ import annotations

import pytest

from devstack.rules import versions
from devstack.rules.vulnerable_dev_server import ADVISORIES, RULE, holes_of, mended


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ((20, 20, 2), ">=20", True),
        ((20, 20, 2), "22", False),
        ((20, 20, 2), "20.x", True),
        ((20, 20, 2), "^18.17 || >=20.5", True),
        ((20, 4), "^18.17 || >=20.5", False),
        ((18, 16), "^18.17", False),
        ((20, 20, 2), ">=18 <21", True),
        ((21, 0), ">=18 <21", False),
        ((20, 20, 2), "18 - 20", True),
        ((20, 20, 2), "~20.20.0", True),
        ((20, 21), "~20.20.0", False),
        ((3, 11, 7), ">=3.11,<3.13", True),
        ((3, 13), ">=3.11,<3.13", False),
        ((3, 11, 7), "~=3.10", True),
        ((3, 11, 7), "==3.11.*", True),
        ((3, 11, 7), "!=3.11.*", False),
        ((20, 20, 2), "*", True),
        ((20, 20, 2), ">20", False),
        ((20, 20, 2), "<=20", True),
        ((20, 20, 2), "lts/iron", None),
    ],
)
def test_a_version_lies_in_a_range_or_not(
    version: tuple[int, ...], wanted: str, expected: bool | None
) -> None:
    assert versions.satisfies(version, wanted) is expected


@pytest.mark.parametrize(
    ("hole", "version", "affected"),
    [
        ("CVE-2025-30208", (6, 2, 2), True),
        ("CVE-2025-30208", (6, 2, 3), False),
        ("CVE-2025-30208", (5, 3, 0), True),
        ("CVE-2025-30208", (7, 0, 0), False),
        ("CVE-2025-46565", (6, 0, 15), True),
        ("CVE-2026-39363", (5, 4, 21), False),
        ("CVE-2026-39363", (6, 4, 1), True),
        ("CVE-2026-39364", (7, 0, 8), False),
        ("CVE-2026-118662", (6, 4, 4), True),
        ("CVE-2025-48068", (14, 2, 29), True),
        ("CVE-2025-48068", (15, 5, 0), False),
        ("CVE-2025-48068", (12, 3, 0), False),
        ("CVE-2025-66478", (16, 0, 6), True),
        ("CVE-2025-66478", (14, 2, 0), False),
        ("CVE-2026-94485", (16, 3, 7), True),
        ("CVE-2026-94485", (15, 5, 9), False),
    ],
)
def test_a_version_is_judged_by_the_ranges_of_the_advisory(
    hole: str, version: tuple[int, ...], affected: bool
) -> None:
    (advisory,) = (one for one in ADVISORIES if one.id == hole)
    assert (advisory in holes_of(advisory.package, version)) is affected


@pytest.mark.parametrize(
    ("package", "version", "target"),
    [
        ("vite", (6, 0, 1), (6, 4, 2)),
        ("vite", (5, 4, 0), (5, 4, 19)),
        ("vite", (7, 0, 8), (7, 3, 2)),
        ("vite", (6, 4, 4), (6, 4, 5)),
        ("next", (15, 2, 1), (15, 2, 6)),
        ("next", (16, 0, 1), (16, 3, 8)),
        ("next", (14, 2, 30), (14, 2, 30)),
    ],
)
def test_the_version_to_update_to_has_none_of_the_holes(
    package: str, version: tuple[int, ...], target: tuple[int, ...]
) -> None:
    assert mended(package, version) == target
    assert not holes_of(package, target)


def test_the_page_shows_the_ranges_that_are_judged_by() -> None:
    def shown(first: str, fixed: str) -> str:
        return f"<{fixed}" if first == "0" else f"{first.removesuffix('.0')}–<{fixed}"

    rows = [line.split(" | ") for line in RULE.page.splitlines() if line.startswith("| CVE-")]
    assert [(row[0].split()[1], row[1], row[2].removesuffix(" |")) for row in rows] == [
        (one.id, one.package, ", ".join(shown(*pair) for pair in one.affected)) for one in ADVISORIES
    ]
