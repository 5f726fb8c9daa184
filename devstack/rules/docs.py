"""Makes docs/rules.md from the catalogue: `python -m devstack.rules.docs [--check] [FILE]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from devstack.rules.base import Needs, Rule
from devstack.rules.catalogue import CATALOGUE

_GROUPS = {
    "DS0": "Stack and tools",
    "DS1": "Secrets and shared values",
    "DS2": "URLs, links, origins",
    "DS3": "Exposure",
    "DS4": "Ports",
    "DS5": "Env files",
    "DS6": "Running",
    "DS7": "Drift",
}
_NEEDS = {Needs.FILES: "files", Needs.HOST: "this machine", Needs.LIVE: "running services (`--live`)"}
_INTRO = """\
# Rules of `devstack doctor`

<!-- Generated from the modules of devstack/rules by `python -m devstack.rules.docs`; do not edit. -->

A rule judges *effective values*: what the reading program gets, not what the file says. Where that cannot
be known it says nothing. `devstack explain RULE` prints a page; `--select` and `--ignore` take names, ids
or groups (`DS4`). To silence one finding, write `# devstack: ignore[rule-name] reason` on the line above,
or add it to `[doctor] ignore` of stack.toml; the reason is required, and a suppression that is no longer
needed is reported.
"""


def render(rules: Sequence[Rule] = CATALOGUE) -> str:
    """The whole document."""
    return "\n".join([_INTRO, *_table(rules), "", *_pages(rules)]).rstrip() + "\n"


def main(argv: Sequence[str]) -> int:
    """Write the document; with `--check` only compare: 1 when it is out of date."""
    names = [argument for argument in argv if not argument.startswith("-")]
    path = Path(names[0]) if names else Path(__file__).parents[2] / "docs" / "rules.md"
    wanted = render()
    if "--check" in argv:
        is_current = path.is_file() and path.read_text(encoding="utf-8") == wanted
        if not is_current:
            sys.stderr.write(f"{path.name} is out of date: python -m devstack.rules.docs\n")
        return 0 if is_current else 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(wanted, encoding="utf-8")
    return 0


def _table(rules: Sequence[Rule]) -> Iterator[str]:
    yield "| id | rule | severity | looks at | fix | finds |"
    yield "|---|---|---|---|---|---|"
    for rule in rules:
        fix = "yes" if rule.fixable else ""
        title = rule.title.rstrip(".")
        yield (
            f"| {rule.id} | [{rule.name}](#{rule.name}) | {rule.severity.value} | {_NEEDS[rule.needs]} "
            f"| {fix} | {title} |"
        )


def _pages(rules: Sequence[Rule]) -> Iterator[str]:
    group = ""
    for rule in rules:
        if rule.id[:3] != group:
            group = rule.id[:3]
            yield f"## {group} {_GROUPS[group]}\n"
        yield f"### {rule.name}\n"
        yield f"`{rule.id}` · {rule.severity.value}\n"
        yield rule.page.strip().replace("\n## ", "\n#### ") + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
