"""The WebSocket diagnosis for people and programs."""

from __future__ import annotations

from devstack.contract.diagnosis import Diagnosis, Step
from devstack.contract.evidence import Code, Verdict
from devstack.invisible import visible
from devstack.views.style import Style

MARKS = {True: ("✓", "ok", "green"), False: ("✗", "no", "red"), None: ("·", "-", "dim")}
NAME_WIDTH = 9


def render(diagnosis: Diagnosis, style: Style, *, show_tokens: bool = True) -> str:
    """Verdict first, then the steps with a mark each, the token matrix, and what a browser shows."""
    verdict = diagnosis.verdict
    good = verdict.code is Code.OK
    mark = style.glyph(*(("✓", "ok:") if good else ("✗", "no:")))
    title = diagnosis.target if diagnosis.service is None else f"{diagnosis.service}  {diagnosis.target}"
    lines = [style.paint(visible(title), "bold")]
    lines += _folded(
        f"{mark} {verdict.code}", f"  {verdict.message}", style, "green" if good else "red", "bold"
    )
    lines += ["", *(line for step in diagnosis.steps for line in _step(step, style))]
    if show_tokens and diagnosis.tokens:
        lines += ["", *_tokens(diagnosis, style)]
    lines += ["", *style.folded(f"in a browser: {browser(verdict)}", "  ")]
    if verdict.hint:
        lines += _folded("what to do: ", verdict.hint, style, "cyan")
    return "\n".join(lines) + "\n"


def _folded(head: str, text: str, style: Style, *colours: str) -> list[str]:
    """`head` in these colours and the text behind it, in lines that fit."""
    first, *further = style.folded(f"{head}{text}", "  ")
    return [first.replace(head, style.paint(head, *colours), 1), *further]


def browser(verdict: Verdict) -> str:
    """What a page's developer console and `onclose` would show."""
    if not verdict.opened:
        return "error, then close code 1006: the page is told nothing else"
    if verdict.close_code is None:
        return "open"
    if verdict.close_code == 1006:
        return "open, then close code 1006"
    return f"open, then close code {verdict.close_code}"


def _step(step: Step, style: Style) -> list[str]:
    fancy, plain, colour = MARKS[step.ok]
    mark, took = style.glyph(fancy, plain), f"  {step.ms:.1f} ms" if step.ms >= 0.1 else ""
    first, *further = style.folded(f"  {mark} {step.name:<{NAME_WIDTH}} {step.detail}{took}", "      ")
    lines = [first.replace(mark, style.paint(mark, colour), 1), *further]
    lines[-1] = (
        lines[-1].removesuffix(took) + style.paint(took, "dim") if lines[-1].endswith(took) else lines[-1]
    )
    return lines


def _tokens(diagnosis: Diagnosis, style: Style) -> list[str]:
    lines = [style.paint("  token            taken     answer", "dim")]
    for tried in diagnosis.tokens:
        wanted = tried.accepted == (tried.kind == "good")
        taken = style.paint(f"{'accepted' if tried.accepted else 'refused':<9}", "green" if wanted else "red")
        status = "" if tried.http_status is None else f"HTTP {tried.http_status}"
        close = "" if tried.close_code is None else f", close {tried.close_code}"
        lines.append(f"  {tried.kind:<16} {taken} {status}{close}")
    return lines


def document(diagnosis: Diagnosis) -> dict[str, object]:
    """The JSON contract of `devstack ws --json`, version 1."""
    verdict = diagnosis.verdict
    return {
        "version": 1,
        "target": diagnosis.target,
        "service": diagnosis.service,
        "steps": [
            {"name": step.name, "ok": step.ok, "detail": step.detail, "ms": round(step.ms, 2)}
            for step in diagnosis.steps
        ],
        "tokens": [
            {
                "kind": str(tried.kind),
                "accepted": tried.accepted,
                "close_code": tried.close_code,
                "http_status": tried.http_status,
            }
            for tried in diagnosis.tokens
        ],
        "verdict": {
            "code": str(verdict.code),
            "message": verdict.message,
            "hint": verdict.hint,
            "browser": {"opened": verdict.opened, "close_code": verdict.close_code},
        },
    }
