"""The report as text: what is wrong, where, the line itself, what to do; most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devstack.invisible import visible
from devstack.rules.base import Finding, Location, Report, Severity
from devstack.views.excerpt import LineReader, excerpt
from devstack.views.style import Style, wrapped

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_MARGIN = 6
_NOTE_LEAD = "    = help: "
_NAMED = 4
_PLAIN = str.maketrans("•…", "*~")  # of the same width, so that the caret stays below its word


def render(report: Report, read: LineReader, style: Style) -> str:
    """The whole report, without a newline at the end."""
    parts: list[str] = []
    for finding in report.findings:
        if finding.severity is not Severity.INFO:
            parts.append("\n".join(_finding(finding, read, style)))
    notes = [finding for finding in report.findings if finding.severity is Severity.INFO]
    if notes:
        parts.append("\n".join(_notes(notes, style)))
    parts.append("\n".join(_summary(report, style)))
    return "\n\n".join(parts)


def _finding(finding: Finding, read: LineReader, style: Style) -> Iterator[str]:
    colour = _COLOURS[finding.severity]
    head = style.paint(_WORDS[finding.severity], colour, "bold")
    name = style.paint(f"{finding.rule} {finding.id}", "dim")
    service = f" {style.glyph('·', '-')} {visible(finding.service)}" if finding.service else ""
    yield f"{head} {name}{style.paint(service, 'dim')}"
    yield from _wrapped(finding.message, "  ", style)
    if finding.locations:
        yield from _place(finding.locations[0], read, style, colour)
    for place in finding.locations[1:]:
        yield from _labelled("also", visible(place.shown) + (f"  {place.note}" if place.note else ""), style)
    if finding.hint:
        yield from _labelled("help", finding.hint, style)
    if finding.fix is not None:
        flag = "--fix" if finding.fix.safe else "--unsafe-fixes"
        yield from _labelled("fix", f"{finding.fix.title} (`devstack doctor {flag}`)", style)


def _place(place: Location, read: LineReader, style: Style, colour: str) -> Iterator[str]:
    corner, bar = style.glyph("┌─", "-->"), style.glyph("│", "|")
    lead = f"{' ' * _MARGIN}{style.paint(corner, 'dim')} "
    where, room = visible(place.shown), style.width - _MARGIN - len(corner) - 1
    note = f"  {visible(place.note)}" if place.note else ""
    if len(where) + len(note) <= room:
        yield f"{lead}{style.paint(where, 'cyan')}{note}"
    else:
        yield lead + style.paint(where, "cyan")
        for line in wrapped(note.strip(), room):
            yield f"{' ' * _MARGIN}{style.paint(bar, 'dim')}  {line}"
    shown = excerpt(place, read, style.width - _MARGIN - 3)
    if shown is None:
        return
    text = shown.text if style.unicode else shown.text.translate(_PLAIN)
    yield f"{style.paint(str(place.line).rjust(_MARGIN - 1) + ' ' + bar, 'dim')} {text}"
    caret = style.paint("^" * shown.width, colour)
    yield f"{' ' * _MARGIN}{style.paint(bar, 'dim')} {' ' * shown.start}{caret}"


def _labelled(label: str, text: str, style: Style) -> Iterator[str]:
    lead = f"{' ' * _MARGIN}= {label}: "
    for index, line in enumerate(wrapped(_plain(text), style.width - len(lead))):
        yield f"{style.paint(lead, 'cyan') if index == 0 else ' ' * len(lead)}{line}"


def _wrapped(text: str, indent: str, style: Style) -> Iterator[str]:
    for line in wrapped(_plain(text), style.width - len(indent)) or [""]:
        yield f"{indent}{style.paint(line, 'bold')}"


def _notes(notes: Sequence[Finding], style: Style) -> Iterator[str]:
    """Briefly: one place, and what to do where that is said in a line."""
    yield style.paint("notes", "blue", "bold")
    for finding in notes:
        where = visible(finding.locations[0].shown) if finding.locations else ""
        text = f"{where}  {_plain(finding.message)} [{finding.rule}]".lstrip()
        first, *further = wrapped(text, style.width - 4)
        yield f"  {first.replace(where, style.paint(where, 'cyan'), 1) if where else first}"
        yield from (f"    {line}" for line in further)
        if finding.hint and len(_NOTE_LEAD + finding.hint) <= style.width:
            yield style.paint(_NOTE_LEAD, "cyan") + _plain(finding.hint)


def _summary(report: Report, style: Style) -> Iterator[str]:
    counts = [
        style.paint(_counted(report.count(severity), _WORDS[severity]), _COLOURS[severity], "bold")
        for severity in Severity
        if report.count(severity)
    ]
    if counts:
        yield f"{visible(report.stack)}: {', '.join(counts)}"
    elif any(skip.is_failure for skip in report.skipped):
        yield f"{visible(report.stack)}: {style.paint('nothing found by the rules that ran', 'yellow', 'bold')}"
    else:
        yield f"{visible(report.stack)}: {style.paint('nothing wrong found', 'green', 'bold')}"
    remarks = [f"{_counted(len(report.suppressed), 'finding')} suppressed"] if report.suppressed else []
    remarks += _skipped(report)
    for remark in (*remarks, *_next_steps(report)):
        yield from (style.paint(line, "dim") for line in wrapped(remark, style.width))


def _skipped(report: Report) -> Iterator[str]:
    """Each rule that did not run; many for one reason in one line."""
    reasons: dict[str, list[str]] = {}
    for skip in report.skipped:
        reasons.setdefault(skip.reason, []).append(skip.rule)
    for reason, rules in reasons.items():
        if len(rules) > _NAMED:
            yield f"{len(rules)} rules were skipped: {reason}"
        else:
            yield from (f"{rule} was skipped: {reason}" for rule in rules)


def _next_steps(report: Report) -> Iterator[str]:
    safe = sum(1 for finding in report.findings if finding.fix and finding.fix.safe)
    unsafe = sum(1 for finding in report.findings if finding.fix and not finding.fix.safe)
    if safe:
        yield f"`devstack doctor --fix` mends {safe} of them (diff first)"
    if unsafe:
        yield f"`devstack doctor --unsafe-fixes` mends {unsafe} after your review"
    loud = [finding for finding in report.findings if finding.severity is not Severity.INFO]
    if loud:
        yield f"`devstack explain {loud[0].rule}` tells more about a rule"


def _plain(text: str) -> str:
    """Sentences quote what others wrote; line ends are only places to wrap."""
    return visible(" ".join(text.split("\n")))


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
