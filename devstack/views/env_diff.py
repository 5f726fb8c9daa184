"""What differs between the environments of two services."""

from __future__ import annotations

import json
from collections.abc import Sequence

from devstack.env.model import Environment, Value
from devstack.records import dataclass
from devstack.views.env import Disclosure
from devstack.views.style import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One name in two services; None = not there."""

    name: str
    first: Value | None
    second: Value | None

    @property
    def is_equal(self) -> bool:
        """Whether both programs find the same, known text."""
        if self.first is None or self.second is None:
            return False
        return self.first.text == self.second.text and not (self.first.unknown or self.second.unknown)


def text(
    first: Environment,
    second: Environment,
    differences: Sequence[Difference],
    shown: Disclosure,
    style: Style,
) -> str:
    """What differs between two services: other values, then names that only one has."""
    both = [one for one in differences if one.first and one.second and not one.is_equal]
    width = max(len(first.service), len(second.service))
    lines = []
    for one in both:
        lines.append(style.paint(shown.name(one.name), "bold"))
        for side, value in ((first, one.first), (second, one.second)):
            if value is not None:
                cell = shown.cell(one.name, value, side)
                lines += _side_lines(f"  {side.service:<{width}}  ", cell, shown.place(value.origin), style)
    for service, found in (
        (first, [one for one in differences if one.second is None]),
        (second, [one for one in differences if one.first is None]),
    ):
        if found:
            lines += [style.paint(f"only in {service.service}", "bold"), *_only(found, service, shown, style)]
    equal = sum(one.is_equal for one in differences)
    rest = len(differences) - equal - len(both)
    lines += style.folded(f"{equal} equal, {len(both)} different, {rest} in one only", "  ")
    return "\n".join(lines)


def _only(
    found: Sequence[Difference], environment: Environment, shown: Disclosure, style: Style
) -> list[str]:
    names = [shown.name(one.name) for one in found]
    width = max(len(name) for name in names)
    lines = []
    for one, name in zip(found, names, strict=True):
        value = one.first or one.second
        if value is not None:
            cell = shown.cell(one.name, value, environment)
            lines += _side_lines(f"  {name:<{width}}  ", cell, shown.place(value.origin), style)
    return lines


def _side_lines(lead: str, cell: str, place: str, style: Style) -> list[str]:
    """`lead`, value and place on one line where they fit, else the place on a line of its own."""
    if len(lead) + len(cell) + 2 + len(place) <= style.width:
        return [f"{lead}{cell}  {style.paint(place, 'dim')}"]
    return [*style.folded(f"{lead}{cell}", "    "), style.paint(f"    {place}", "dim")]


def as_json(
    first: Environment, second: Environment, differences: Sequence[Difference], shown: Disclosure
) -> str:
    """The same for machines."""
    rows = [
        {
            "name": shown.name(one.name),
            "equal": one.is_equal,
            first.service: None if one.first is None else _side(one.name, one.first, first, shown),
            second.service: None if one.second is None else _side(one.name, one.second, second, shown),
        }
        for one in differences
    ]
    return json.dumps(
        {"version": 1, "services": [first.service, second.service], "variables": rows}, ensure_ascii=False
    )


def _side(name: str, value: Value, environment: Environment, shown: Disclosure) -> dict[str, object]:
    return {
        "value": shown.text(name, value, environment),
        "fingerprint": None if value.text is None else shown.fingerprinter.of(value.text),
        "path": None if value.origin.path is None else shown.path(value.origin.path),
        "line": value.origin.line,
        "layer": value.origin.layer.value,
    }
