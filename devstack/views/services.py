"""`devstack ps` as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from devstack.run.state import Phase
from devstack.views.style import Style
from devstack.views.wording import duration, listed, phase_words, setup_words

_HEAD = ("SERVICE", "PHASE", "SINCE", "PID", "PORT", "RESTARTS", "")
_RIGHT = (3, 4, 5)
_COLOURS = {
    Phase.READY: "green",
    Phase.COMPLETED: "green",
    Phase.FAILED: "red",
    Phase.DEGRADED: "yellow",
    Phase.BACKOFF: "yellow",
    Phase.STARTING: "cyan",
}
_ENDS = {Phase.FAILED: "failed", Phase.COMPLETED: "completed"}
_PUBLIC = ("name", "phase", "generation", "pid", "port", "since", "restarts", "waiting_for", "last_probe")


def services_document(services: Sequence[Mapping[str, Any]]) -> str:
    """The JSON contract of `devstack ps --json`."""
    return json.dumps(
        {"version": 1, "services": [{key: one[key] for key in _PUBLIC} for one in services]},
        ensure_ascii=False,
    )


def services_table(
    services: Sequence[Mapping[str, Any]],
    style: Style,
    now: float,
    declared: Mapping[str, int] | None = None,
    *,
    width: int | None = None,
) -> str:
    """One line for each service; the last column says why it is not ready or what is odd about it.

    `declared`: ports of stack.toml, of services that use another one. `width` in columns cuts the last column;
    None leaves it whole.
    """
    rows = [_cells(one, now, (declared or {}).get(one["name"])) for one in services]
    shown = [column for column in range(6) if column < 3 or any(row[column] for row in rows)]
    widths = [max(len(row[column]) for row in [_HEAD, *rows]) for column in range(7)]
    used = sum(widths[column] + 2 for column in shown)
    lines = [style.paint(_line(_HEAD, shown, widths), "bold")]
    for one, row in zip(services, rows, strict=True):
        painted = list(row)
        painted[1] = style.paint(row[1], *_colour(one))
        lines.append(_line(row, shown, widths, painted) + _detail(row[6], used, width, style))
    return "\n".join(lines)


def _cells(one: Mapping[str, Any], now: float, declared: int | None) -> tuple[str, ...]:
    phase = Phase(one["phase"])
    port = str(one["port"] or "")
    return (
        str(one["name"]),
        phase_words(Phase.PENDING if one.get("skipped") else phase),
        duration(now - one["since"]) if one["since"] else "",
        str(one["pid"] or ""),
        f"{port} (for {declared})" if declared is not None else port,
        str(one["restarts"] or ""),
        why(one, now),
    )


def why(one: Mapping[str, Any], now: float) -> str:
    """Why a service is not ready, or what to know about one that is; "" when there is nothing to say."""
    phase = Phase(one["phase"])
    if one["waiting_for"]:
        setups = one.get("setups", {})
        words = [
            setup_words(setups[name]["command"], now - setups[name]["since"]) if name in setups else name
            for name in one["waiting_for"]
        ]
        return f"waits for {listed(words)}"
    probe = one["last_probe"]
    if phase in (Phase.STARTING, Phase.DEGRADED) and probe and not probe["ok"]:
        return str(probe["detail"])
    if phase is Phase.READY:
        return str(one.get("note") or (probe["detail"] if probe else ""))
    return str(one.get("reason") or "")


def ended_words(one: Mapping[str, Any], now: float) -> str:
    """`web failed: exited 1`: one service's end as a sentence."""
    reason, phase = why(one, now), Phase(one["phase"])
    verb = "was not started" if one.get("skipped") else _ENDS.get(phase, f"is {phase_words(phase)}")
    return f"{one['name']} {verb}" + (f": {reason}" if reason else "")


def _colour(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (_COLOURS.get(Phase(one["phase"]), "dim"),)


def _line(
    row: Sequence[str], shown: Sequence[int], widths: Sequence[int], painted: Sequence[str] | None = None
) -> str:
    cells = []
    for column in shown:
        pad = " " * (widths[column] - len(row[column]))
        text = (painted or row)[column]
        cells.append(pad + text if column in _RIGHT else text + pad)
    return "  ".join(cells).rstrip() if painted is None else "  ".join(cells)


def _detail(text: str, used: int, width: int | None, style: Style) -> str:
    """The reason in one line, cut where the terminal ends."""
    text = " ".join(text.split())
    room = len(text) if width is None else max(width - used - 1, 24)
    if len(text) > room:
        text = text[: room - 1] + style.glyph("…", "~")
    return "  " + style.paint(text, "dim") if text else ""
