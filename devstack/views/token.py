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
    """Header and claims, then what each service would say."""
    lines = [style.paint("header", "bold"), *_pairs(decoded.header), style.paint("claims", "bold")]
    lines += _pairs(decoded.claims)
    if decoded.problem:
        lines += ["", style.paint(decoded.problem, "red")]
    lines += [f"note: {remark}" for remark in remarks]
    lines += [""] + [line for verdict in verdicts for line in _verdict(verdict, style)]
    if not verdicts:
        lines.append("no secret is declared here that could verify it")
    return "\n".join(lines) + "\n"


def _verdict(verdict: Verdict, style: Style) -> list[str]:
    mark = (
        style.paint(style.glyph("✓", "ok"), "green")
        if verdict.accepted
        else style.paint(style.glyph("✗", "no"), "red")
    )
    said = "would accept it" if verdict.accepted else "would refuse it"
    lines = [f"{mark} {verdict.label} {said}"]
    lines += [f"    {reason}" for reason in verdict.reasons]
    if not verdict.accepted:
        lines.append("    the browser sees 1006, or the close code that the server chooses after accepting")
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
