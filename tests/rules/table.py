"""Rules × cases: how many repositories each rule is tried on. `python -m tests.rules.table`

Cases are those below this folder; `tests` counts the functions of the rule's own test module, which rules about
this machine have instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from devstack.rules.catalogue import CATALOGUE

FOLDER = Path(__file__).parent


def rows() -> Iterator[tuple[str, str, int, int, int]]:
    """Id, name, bad cases, good cases, tests of its own, in the order of the catalogue."""
    for rule in CATALOGUE:
        folder = FOLDER / rule.name.replace("-", "_")
        bad, good = (len(list((folder / kind).glob("*.case"))) for kind in ("bad", "good"))
        yield rule.id, rule.name, bad, good, _tests(FOLDER / f"test_{folder.name}.py")


def _tests(module: Path) -> int:
    return len(re.findall(r"(?m)^def test_", module.read_text(encoding="utf-8"))) if module.exists() else 0


def main() -> None:
    """Print the table and its sums."""
    found = list(rows())
    print(f"{'id':6} {'rule':28} {'bad':>4} {'good':>5} {'tests':>6}")
    for ident, name, bad, good, tests in found:
        print(f"{ident:6} {name:28} {bad:4} {good:5} {tests or '':>6}")
    bad, good, tests = (sum(row[column] for row in found) for column in (2, 3, 4))  # type: ignore[misc]
    print(f"{'':6} {f'{len(found)} rules':28} {bad:4} {good:5} {tests:6}")


if __name__ == "__main__":
    main()
