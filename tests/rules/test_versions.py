"""Version ranges of npm, Node and Python projects."""

from __future__ import annotations

import pytest

from devstack.rules import versions
from devstack.rules.vulnerable_dev_server import ADVISORIES, is_affected


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
        ("CVE-2025-48068", (14, 2, 29), True),
        ("CVE-2025-48068", (15, 5, 0), False),
        ("CVE-2025-48068", (12, 3, 0), False),
        ("CVE-2025-66478", (16, 0, 6), True),
        ("CVE-2025-66478", (14, 2, 0), False),
    ],
)
def test_a_release_line_is_judged_by_its_own_fix(hole: str, version: tuple[int, ...], affected: bool) -> None:
    (advisory,) = (one for one in ADVISORIES if one.id == hole)
    assert is_affected(version, advisory) is affected
