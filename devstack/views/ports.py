"""Tables and JSON of `devstack ports`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from devstack.durations import age
from devstack.host.model import Holder, PortState
from devstack.host.ports import Freed, Outcome, PortStatus, Proposal
from devstack.host.stopping import Refusal
from devstack.records import dataclass
from devstack.views.style import Style, cut

_HEAD = ("PORT", "SERVICE", "ROLE", "STATE", "CLASS", "PID", "USER", "AGE", "ADDRESS", "COMMAND", "FOLDER")
_PORT, _STATE, _COMMAND, _FOLDER = 0, 3, 9, 10
_COLOURS = {
    PortState.FREE: "green",
    PortState.OURS: "cyan",
    PortState.HELD: "red",
    PortState.CLIENT: "yellow",
}
_SHORTEST_COMMAND, _SHORTEST_FOLDER = 16, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One port as asked for: by a service and role, or by number alone (both empty)."""

    status: PortStatus
    service: str = ""
    role: str = ""
    declared: int | None = None


def table(rows: Sequence[Row], style: Style, now: float) -> str:
    """One line for each port and process; what a person should know about it below."""
    if not rows:
        return "Nothing listens."
    lines = [line for row in rows for line in _lines(row, now)]
    shown = [
        index for index in range(len(_HEAD)) if any(line.cells[index] for line in lines) or index == _PORT
    ]
    widths = _widths([_HEAD, *(line.cells for line in lines)], shown, style.width)
    text = [style.paint(_joined(_HEAD, widths), "bold")]
    for line in lines:
        text.append(_joined(line.cells, widths, partial(_painted, style, line.state)))
        text += [style.paint(f"{'':{widths[_PORT] + 2}}{note}", "dim") for note in line.notes]
    return "\n".join(text)


def _painted(style: Style, state: PortState, cell: str) -> str:
    return style.paint(cell, _COLOURS[state])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    state: PortState
    cells: tuple[str, ...]
    notes: tuple[str, ...]


def _lines(row: Row, now: float) -> list[_Line]:
    status = row.status
    port = str(status.port) if row.declared in (None, status.port) else f"{status.port} (for {row.declared})"
    head = (port, row.service, row.role, status.state.value)
    found = _by_process(status.holders)
    if not found:
        return [_Line(state=status.state, cells=(*head, *[""] * 7), notes=_notes(status.note))]
    lines: list[_Line] = []
    for index, (holder, addresses) in enumerate(found):
        is_last = index == len(found) - 1
        cells = (*(head if index == 0 else ("", "", "", head[3])), *_holder_cells(holder, addresses, now))
        notes = _notes(_holder_note(holder), status.note if is_last else None)
        lines.append(_Line(state=status.state, cells=cells, notes=notes))
    return lines


def _holder_cells(holder: Holder, addresses: list[str], now: float) -> tuple[str, ...]:
    return (
        holder.holder_class.value,
        str(holder.pid) if holder.pid else "?",
        holder.user,
        age(now - holder.started_at) if holder.started_at else "?",
        ", ".join(addresses),
        _short_command(holder.command) or "(not visible)",
        _short_folder(holder.cwd),
    )


def _notes(*found: str | None) -> tuple[str, ...]:
    return tuple(note for note in found if note)


def _holder_note(holder: Holder) -> str | None:
    instead = holder.stop_with
    if holder.detail and instead and instead not in holder.detail:
        return f"{holder.detail}: {instead}"
    return holder.detail or instead


def _by_process(holders: Iterable[Holder]) -> list[tuple[Holder, list[str]]]:
    merged: dict[tuple[int | None, str], tuple[Holder, list[str]]] = {}
    for holder in holders:
        key = (holder.pid, holder.address if holder.pid is None else "")
        merged.setdefault(key, (holder, []))[1].append(holder.address)
    return list(merged.values())


def _short_command(command: str) -> str:
    """Without the folder of the program: which one it is shows in the JSON."""
    program, blank, arguments = command.partition(" ")
    return program.rpartition("/")[2] + blank + arguments


def _short_folder(folder: str | None) -> str:
    if folder is None:
        return "?"
    for base, mark in ((Path.cwd(), "."), (Path.home(), "~")):
        if folder == str(base):
            return mark
        if base != Path("/") and folder.startswith(f"{base}/"):
            return f"{mark}{folder[len(str(base)) :]}"
    return folder


def _widths(rows: Sequence[Sequence[str]], shown: Sequence[int], width: int) -> dict[int, int]:
    """Column → width, in order; command and folder give way where the terminal is narrow."""
    widths = {index: max(len(row[index]) for row in rows) for index in shown}
    fixed = sum(width for index, width in widths.items() if index not in (_COMMAND, _FOLDER))
    left = width - fixed - 2 * (len(widths) - 1)
    if _FOLDER in widths:
        widths[_FOLDER] = min(widths[_FOLDER], max(_SHORTEST_FOLDER, left // 3))
        widths[_COMMAND] = min(widths[_COMMAND], max(_SHORTEST_COMMAND, left - widths[_FOLDER]))
    return widths


def _joined(
    cells: Sequence[str], widths: Mapping[int, int], paint: Callable[[str], str] | None = None
) -> str:
    fitted: list[str] = []
    for index, width in widths.items():
        fit = _cut_left if index == _FOLDER else cut
        cell = fit(cells[index], width)
        padding = " " * (width - len(cell))
        fitted.append((paint(cell) if paint and index == _STATE else cell) + padding)
    return "  ".join(fitted).rstrip()


def _cut_left(text: str, width: int) -> str:
    return text if len(text) <= width else f"…{text[len(text) - width + 1 :]}"


def as_json(rows: Sequence[Row]) -> str:
    """The contract's form of the table."""
    return json.dumps({"version": 1, "ports": [_row_json(row) for row in rows]}, ensure_ascii=False)


def _row_json(row: Row) -> dict[str, object]:
    body: dict[str, object] = {
        "port": row.status.port,
        "service": row.service or None,
        "role": row.role or None,
        "state": row.status.state.value,
        "holders": [holder_json(holder) for holder in row.status.holders],
        "note": row.status.note,
    }
    if row.declared not in (None, row.status.port):
        body["declared"] = row.declared
    return body


def holder_json(holder: Holder) -> dict[str, object]:
    """One holder; `pid` is null when the process is not visible."""
    return {
        "pid": holder.pid,
        "started_at": round(holder.started_at, 2),
        "command": holder.command,
        "user": holder.user,
        "cwd": holder.cwd,
        "address": holder.address,
        "class": holder.holder_class.value,
        "service": holder.service,
        "detail": holder.detail,
        "instead": holder.stop_with,
    }


def proposal_text(proposal: Proposal, style: Style, *, will_stop: bool) -> str:
    """What freeing the ports stops, what else becomes free, and what stays and why."""
    lines: list[str] = []
    for tree in proposal.trees:
        ports = ", ".join(str(port) for port in tree.ports)
        count = len(tree.members)
        some = "1 process" if count == 1 else f"{count} processes"
        verb = "Stopping" if will_stop else "Would stop"
        lines.append(f"{verb} {some} for port{'s' if len(tree.ports) > 1 else ''} {ports}:")
        depth: dict[int, int] = {}
        for member in tree.members:
            depth[member.id.pid] = depth.get(member.parent, -1) + 1
            indent = "  " * (depth[member.id.pid] + 1)
            lines.append(cut(f"{indent}{member.id.pid}  {member.command}", style.width))
    if proposal.also_holds:
        held = ", ".join(str(port) for port in proposal.also_holds)
        lines.append(style.paint(f"It also holds {held}, which nobody asked to free.", "yellow"))
    lines += [_refusal_line(entry.port, entry.holder, entry.permission.reason) for entry in proposal.refusals]
    lines += sorted({f"  instead: {_instead(entry)}" for entry in proposal.refusals if _instead(entry)})
    return "\n".join(dict.fromkeys(lines))


def _refusal_line(port: int, holder: Holder, reason: str) -> str:
    who = f"pid {holder.pid}" if holder.pid else f"uid {holder.uid}"
    command = f' "{cut(holder.command, 60)}"' if holder.command else ""
    return f"Port {port} stays: {who}{command}: {reason}."


def _instead(entry: Refusal) -> str | None:
    permission = entry.permission
    if permission.instead:
        return permission.instead
    return f"devstack ports --kill {entry.port} --force" if permission.needs_force else None


def freed_text(results: Iterable[Freed], style: Style) -> str:
    """One line for each port."""
    return "\n".join(_freed_line(result, style) for result in results)


def _freed_line(result: Freed, style: Style) -> str:
    port = f"Port {result.port}"
    if result.outcome is Outcome.WAS_FREE:
        return f"{port} is free; nothing to stop."
    if result.outcome is Outcome.FREED:
        how = _how(result)
        return style.paint(f"{port} is free again{how}.", "green")
    if result.outcome is Outcome.REFUSED:
        return style.paint(f"{port} was left alone: {result.detail}.", "yellow")
    return style.paint(f"{port} is still held: {result.detail}.", "red")


def _how(result: Freed) -> str:
    parts = []
    if result.stopped:
        parts.append(f"stopped {', '.join(map(str, result.stopped))}")
    if result.killed:
        parts.append(f"had to kill {', '.join(map(str, result.killed))}, which ignored TERM")
    return f" ({'; '.join(parts)}; {result.seconds:.1f} s)" if parts else ""


def freed_json(
    proposal: Proposal,
    results: Sequence[Freed],
    names: Mapping[int, tuple[str, str]],
    error: Mapping[str, object] | None = None,
) -> str:
    """What was, or without `results` would be, stopped; `error` is added when the ports are not free."""
    done = {result.port: result for result in results}
    body: dict[str, object] = {
        "version": 1,
        "ports": [_freed_json(port, proposal, done.get(port), names) for port in proposal.ports],
        "stop": [
            {"pid": member.id.pid, "command": member.command, "ports": list(tree.ports)}
            for tree in proposal.trees
            for member in tree.members
        ],
        "also_holds": list(proposal.also_holds),
    }
    if error is not None:
        body["error"] = error
    return json.dumps(body, ensure_ascii=False)


def _freed_json(
    port: int, proposal: Proposal, result: Freed | None, names: Mapping[int, tuple[str, str]]
) -> dict[str, object]:
    service, role = names.get(port, ("", ""))
    holders = list(result.holders) if result else proposal.holders.get(port, [])
    refused = next((entry for entry in proposal.refusals if entry.port == port), None)
    return {
        "port": port,
        "service": service or None,
        "role": role or None,
        "outcome": result.outcome.value if result else "refused" if refused else "dry-run",
        "reason": refused.permission.reason if refused else result.detail if result else None,
        "instead": refused.permission.instead if refused else None,
        "stopped": list(result.stopped) if result else [],
        "killed": list(result.killed) if result else [],
        "holders": [holder_json(holder) for holder in holders],
    }
