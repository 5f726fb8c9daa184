"""A checked token for people and programs: never the signature, never a secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from devstack.contract.token_check import Decoded, Verdict
from devstack.invisible import visible
from devstack.views.style import Style, cut

TIMES = frozenset({"exp", "iat", "nbf"})
_LONGEST = 200  # characters of one claim


def render(decoded: Decoded, verdicts: Sequence[Verdict], remarks: Sequence[str], style: Style) -> str:
    """Header and claims as far as they can be read, then what each service would say."""
    lines: list[str] = []
    if decoded.header or decoded.claims:
        lines += [style.paint("header", "bold"), *_pairs(decoded.header)]
        lines += [style.paint("claims", "bold"), *_pairs(decoded.claims)]
    if decoded.problem:
        lines += style.folded(decoded.problem, "  ", "red")
    for remark in remarks:
        lines += style.folded(f"note: {remark}", "  ")
    lines += [""] + [line for verdict in verdicts for line in _verdict(verdict, decoded.problem, style)]
    if not verdicts:
        lines.append("no secret is declared here that could verify it")
    elif not all(verdict.accepted for verdict in verdicts):
        where = "in a browser: close code 1006, or the one that the server chooses after accepting"
        lines += ["", *style.folded(where, "  ")]
    return "\n".join(lines) + "\n"


def _verdict(verdict: Verdict, told: str | None, style: Style) -> list[str]:
    """`told`: why nobody can accept it, which was said before."""
    mark = (
        style.paint(style.glyph("✓", "ok"), "green")
        if verdict.accepted
        else style.paint(style.glyph("✗", "no"), "red")
    )
    said = "would accept it" if verdict.accepted else "would refuse it"
    lines = [f"{mark} {verdict.label} {said}"]
    for reason in verdict.reasons:
        lines += style.folded(f"    {reason}", "    ") if reason != told else ()
    return lines


def _pairs(content: Mapping[str, object]) -> list[str]:
    if not content:
        return ["  –"]
    width = max(len(name) for name in content)
    return [f"  {name:<{width}}  {_shown(name, value)}" for name, value in content.items()]


def _shown(name: str, value: object) -> str:
    if name in TIMES and isinstance(value, int | float) and 0 < value < 1e11:
        return f"{value}  {datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return cut(visible(str(value)), _LONGEST)


def document(decoded: Decoded, verdicts: Sequence[Verdict], remarks: Sequence[str]) -> dict[str, object]:
    """The JSON form, version 1."""
    return {
        "version": 1,
        "header": dict(decoded.header),
        "claims": dict(decoded.claims),
        "problem": decoded.problem,
        "remarks": list(remarks),
        "services": [
            {
                "service": verdict.service,
                "reference": verdict.label,
                "accepted": verdict.accepted,
                "reasons": list(verdict.reasons),
                "signed_by": verdict.signed_by,
            }
            for verdict in verdicts
        ],
    }
