"""What a person sees of a run: output with aligned prefixes, phases, who waits for what, addresses."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from devstack.run import events
from devstack.run.events import Envelope
from devstack.run.schedule import real
from devstack.run.state import ENDED, Phase, RunState
from devstack.views.screen import Screen
from devstack.views.timing import Timing, TimingHistory
from devstack.views.wording import counted, duration, listed, waiting

WAITING_EVERY = 5.0
"""Seconds between two reports of who waits for what."""
PATIENCE = 3.0
"""A probe that fails so soon after the start is not worth a line."""


class Console:
    """Renders events on a screen; a `View` of `views.feed`."""

    def __init__(
        self,
        screen: Screen,
        *,
        addresses: Mapping[str, str],
        history: TimingHistory | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._screen = screen
        self._style = screen.style
        self._addresses = addresses
        self._history = history
        self._clock = clock
        self._next_report: float | None = None
        self._started_at: dict[str, float] = {}
        self._ready_after: dict[str, events.ServiceReady] = {}
        self._completed_after: dict[str, float] = {}
        self._last_tail: dict[str, tuple[str, ...]] = {}
        self._causes: dict[str, str] = {}
        self._returning: set[str] = set()
        self._changed: set[str] = set()
        self._summed_up: tuple[str, ...] = ()
        self._told_failed: set[str] = set()
        self._stopping = False

    def show(self, envelope: Envelope, state: RunState) -> None:
        """Render one event."""
        event = envelope.event
        if isinstance(event, events.OutputBlock):
            self._screen.output(event.service, event.data)
            return
        render = _RENDER.get(type(event))
        if render is not None:
            render(self, event, envelope, state)
        if isinstance(event, events.ServiceFailed | events.ServiceReady | events.ServiceStopped):
            self._sum_up(state)

    def tick(self, state: RunState) -> float | None:
        """Every five seconds while not everything is ready: who waits for what, root blockers first."""
        if self._next_report is None:
            return None
        now = self._clock()
        if now >= self._next_report:
            self._next_report = self._report(state, now)
        return None if self._next_report is None else max(0.0, self._next_report - now)

    def _sum_up(self, state: RunState) -> None:
        """When nothing moves any more and something failed: say so, because `run.ready` will not come."""
        services = real(state)
        failed = tuple(name for name, one in services.items() if one.phase is Phase.FAILED)
        if not self._told_failed.issuperset(failed) or all(state.specs[name].optional for name in failed):
            return  # the rest of them follows at once; or `run.ready` comes all the same
        settled = all(one.phase in (Phase.READY, *ENDED) for one in services.values())
        if not settled or self._stopping or state.stopping or failed == self._summed_up:
            return
        self._summed_up = failed
        up = sum(one.phase in (Phase.READY, Phase.COMPLETED) for one in services.values())
        skipped = [name for name in failed if services[name].skipped]
        ended = [name for name in failed if name not in skipped]
        more = f", {listed(skipped)} {'were' if len(skipped) > 1 else 'was'} not started" if skipped else ""
        text = f"{up} of {counted(len(services), 'service')} ready; {listed(ended)} failed{more}."
        self._note("✗", "x", self._style.paint(text, "red"), "red")
        if not state.exit_when_done and not state.stop_on_failure:
            self._screen.say(self._style.paint(f"  `devstack restart {' '.join(ended)}` tries again.", "dim"))

    def _report(self, state: RunState, now: float) -> float | None:
        """Who waits; when to look again."""
        lines = waiting(state, now)
        if not lines:  # all is well, or something failed for good: the next start asks again
            return None
        due = min(state.services[service].since for service, _ in lines) + WAITING_EVERY
        if now < due:  # they began to wait a moment ago: an env change restarted them
            return due
        for service, text in lines:
            self._say(service, "…", ".", text, "yellow")
        return now + WAITING_EVERY

    # --- the run ---

    def _run_started(self, event: events.RunStarted, envelope: Envelope, state: RunState) -> None:
        paint = self._style.paint
        names = paint(", ".join(event.services), "dim")
        self._screen.say(f"{paint(event.stack, 'bold')}  {counted(len(event.services), 'service')}: {names}")
        self._next_report = self._clock() + WAITING_EVERY

    def _doctor_finished(self, event: events.DoctorFinished, envelope: Envelope, state: RunState) -> None:
        if event.skipped:
            self._note("!", "!", "configuration not checked (--no-doctor)", "yellow")
        elif event.warnings or event.errors:
            found = [counted(event.errors, "error")] if event.errors else []
            found += [counted(event.warnings, "warning")] if event.warnings else []
            self._note("!", "!", f"{listed(found)}: `devstack doctor` shows them", "yellow")
        else:
            self._note("✓", "ok", "configuration checked", "green")

    def _port_freed(self, event: events.PortFreed, envelope: Envelope, state: RunState) -> None:
        who = f"pid {event.pid}" if event.pid else "its holder"
        what = f" ({event.command})" if event.command else ""
        self._note("✓", "ok", f"port {event.port} of {event.service} freed: stopped {who}{what}", "green")

    def _env_changed(self, event: events.EnvChanged, envelope: Envelope, state: RunState) -> None:
        self._changed = set(event.services if event.action == "restart" else ())
        if event.action == "applied":
            self._screen.include(event.services)
        if event.action in ("stack-file", "applied"):
            text = f"{listed(event.files)} {'changed' if event.action == 'stack-file' else 'is applied'}"
        else:
            text = f"{listed(event.variables) or 'env files'} changed"
            text += f" in {listed(event.files)}" if event.variables and event.files else ""
        consequence = {
            "restart": f"restarting {listed(event.services)}",
            "auto": f"{listed(event.services)} {'take' if len(event.services) > 1 else 'takes'} it over",
            "ignore": "nothing restarted",
            "held": "the running processes stay as they are",
        }.get(event.action, "")
        text += f" → {consequence}" if consequence and (event.services or event.action == "held") else ""
        colour = "red" if event.action == "held" else "cyan"
        self._note("~", "~", "\n".join([text, *self._indented(event.detail)]), colour)

    def _run_ready(self, event: events.RunReady, envelope: Envelope, state: RunState) -> None:
        self._next_report = None
        timing = None
        if self._history is not None:
            timing = self._history.remember(state, event.seconds, envelope.at)
        self._screen.say("\n".join(["", *self._ready_lines(event, state), *self._timing_lines(timing), ""]))

    def _ready_lines(self, event: events.RunReady, state: RunState) -> list[str]:
        paint = self._style.paint
        head = f"{self._style.glyph('●', '*')} Ready in {duration(event.seconds)}"
        rows = [
            (name, *self._row(name, one.phase.value, state.specs[name].optional))
            for name, one in real(state).items()
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
        lines = [paint(head, "green", "bold"), ""]
        for name, after, where, note in rows:
            cells = f"  {paint(name.ljust(widths[0]), 'bold')}  {paint(after.rjust(widths[1]), 'dim')}  "
            lines.append(cells + (paint(where.ljust(widths[2]), "cyan") + f"  {note}").rstrip())
        return lines

    def _row(self, name: str, phase: str, optional: bool) -> tuple[str, str, str]:
        """Time to ready, address, note."""
        ready = self._ready_after.get(name)
        if phase == "failed":
            return "–", "", "failed, but optional" if optional else "failed"
        if phase == "completed":
            return duration(self._completed_after.get(name, 0.0)), "", "completed"
        note = ready.note if ready else ""
        return duration(ready.seconds) if ready else "–", self._addresses.get(name, ""), note

    def _timing_lines(self, timing: Timing | None) -> list[str]:
        lines: list[str] = []
        if timing is not None and timing.chain_words:
            lines.append(
                f"  The time went into {timing.chain_words}"
                + (f"; {timing.trend_words}" if timing.trend_words else "")
            )
        lines.append("  Ctrl-C stops everything, in order." if self._screen.is_terminal else "")
        return ["", *(self._style.paint(line, "dim") for line in lines if line)]

    def _run_stopping(self, event: events.RunStopping, envelope: Envelope, state: RunState) -> None:
        self._next_report = None
        self._stopping = True
        if event.forced:
            self._screen.clear_echo()
            self._note("■", "#", "Killing everything that is left.", "red")
            return
        again = " Ctrl-C again kills at once." if self._screen.is_terminal else ""
        reason = f" ({event.reason})" if event.reason else ""
        self._screen.clear_echo()
        self._note("■", "#", f"Stopping in order{reason}.{again}", "bold")

    def _run_finished(self, event: events.RunFinished, envelope: Envelope, state: RunState) -> None:
        self._next_report = None
        ran = f" The run took {duration(event.seconds)}." if event.seconds else ""
        self._note("■", "#", f"Everything stopped.{ran}", "bold")
        self._screen.finish()

    # --- services ---

    def _setup_started(self, event: events.SetupStarted, envelope: Envelope, state: RunState) -> None:
        why = f" ({event.reason})" if event.reason else ""
        self._say(event.service, "▸", ">", f"setup: {event.command}{why}", "blue")

    def _setup_finished(self, event: events.SetupFinished, envelope: Envelope, state: RunState) -> None:
        if event.ok:
            self._say(event.service, "✓", "ok", f"setup done in {duration(event.seconds)}", "green")
        elif not event.interrupted:  # else it is told as stopped, as any service is
            why = f": {event.reason}" if event.reason else ""
            self._say(event.service, "✗", "x", self._style.paint(f"setup failed{why}", "red"), "red")

    def _service_started(self, event: events.ServiceStarted, envelope: Envelope, state: RunState) -> None:
        self._started_at[event.service] = envelope.at
        self._told_failed.discard(event.service)
        if self._next_report is None and not self._stopping:
            self._next_report = self._clock() + WAITING_EVERY
        if event.pid is None:
            return
        port = f", port {event.port}" if event.port else ""
        text = self._style.paint(f"started (pid {event.pid}{port})", "dim")
        self._say(event.service, "▸", ">", text, "blue")

    def _probe_failed(self, event: events.ProbeFailed, envelope: Envelope, state: RunState) -> None:
        if envelope.at - self._started_at.get(event.service, 0.0) >= PATIENCE:
            self._say(event.service, "…", ".", f"not ready yet: {event.detail}", "yellow")

    def _service_ready(self, event: events.ServiceReady, envelope: Envelope, state: RunState) -> None:
        self._ready_after[event.service] = event
        where = self._addresses.get(event.service, "")
        more = " ".join(part for part in (where, f"({event.note})" if event.note else "") if part)
        head = self._style.paint(f"ready in {duration(event.seconds)}", "green")
        self._say(event.service, "●", "*", f"{head}  {more}".rstrip(), "green")

    def _service_degraded(self, event: events.ServiceDegraded, envelope: Envelope, state: RunState) -> None:
        detail = f": {event.detail}" if event.detail else ""
        self._say(event.service, "▲", "!", f"does not answer any more{detail}", "yellow")

    def _service_exited(self, event: events.ServiceExited, envelope: Envelope, state: RunState) -> None:
        spec = state.specs.get(event.service)
        is_completion = event.code == 0 and spec is not None and (spec.oneshot or not spec.gate)
        if event.expected or is_completion:  # what follows of it is told next: completed, or restarted
            return
        paint = self._style.paint
        how = f"was ended by signal {event.signal}" if event.signal else f"exited {event.code}"
        cause = f": {event.cause}" if event.cause else ""
        self._say(event.service, "✗", "x", paint(f"{how}{cause}", "red", "bold"), "red")
        self._causes[event.service] = cause
        if event.tail and self._last_tail.get(event.service) != event.tail:
            self._last_tail[event.service] = event.tail
            self._tail(event)

    def _tail(self, event: events.ServiceExited) -> None:
        """The last lines, once more and together: other services may have written in between."""
        self._say(
            event.service, "┆", ":", self._style.paint(f"its last {counted(len(event.tail), 'line')}:", "dim")
        )
        for line in event.tail:
            self._screen.quote(event.service, self._style.glyph("┆", ":"), line)

    def _service_restarting(
        self, event: events.ServiceRestarting, envelope: Envelope, state: RunState
    ) -> None:
        if event.service in self._returning:  # told when it was stopped for that
            self._returning.discard(event.service)
            return
        when = f" in {duration(event.delay)}" if event.delay > 0 else ""
        attempt = f" (attempt {event.attempt} of {event.limit})" if event.limit and event.attempt else ""
        why = f": {self._brief(event)}" if event.reason else ""
        self._say(event.service, "↻", "~", f"restarting{when}{attempt}{why}", "cyan")

    def _service_stopping(self, event: events.ServiceStopping, envelope: Envelope, state: RunState) -> None:
        if self._stopping:
            return
        why = f": {event.reason}" if event.reason else ""
        if event.returns:
            if event.service not in self._changed:  # the change was told with all that restart for it
                self._say(event.service, "↻", "~", f"restarting{why}", "cyan")
            self._changed.discard(event.service)
            self._returning.add(event.service)
        else:
            self._say(event.service, "■", "#", self._style.paint(f"stopping{why}", "dim"))

    def _service_stopped(self, event: events.ServiceStopped, envelope: Envelope, state: RunState) -> None:
        if event.survivors:
            pids = listed([str(pid) for pid in event.survivors])
            self._say(event.service, "▲", "!", f"could not stop pid {pids} (not ours to signal)", "red")
        if event.completed:
            took = envelope.at - self._started_at.get(event.service, envelope.at)
            self._completed_after[event.service] = took
            text = self._style.paint(f"completed in {duration(took)}", "green")
            self._say(event.service, "✓", "ok", text, "green")
        elif not event.returns:
            self._returning.discard(event.service)  # meanwhile somebody asked for a stop
            self._say(event.service, "■", "#", self._style.paint("stopped", "dim"))

    def _service_failed(self, event: events.ServiceFailed, envelope: Envelope, state: RunState) -> None:
        self._told_failed.add(event.service)
        colour = "yellow" if event.optional or event.skipped else "red"
        head = "not started" if event.skipped else "failed"
        more = " (optional: the others go on)" if event.optional else ""
        text = f"{head}: {self._brief(event)}" if event.reason else head
        self._say(event.service, "✗", "x", self._style.paint(text + more, colour), colour)

    def _output_lost(self, event: events.OutputLost, envelope: Envelope, state: RunState) -> None:
        text = f"{counted(event.lines, 'line')} not shown here, the screen fell behind: "
        text += f"`devstack logs {event.service}` has them all"
        self._say(event.service, "▲", "!", text, "yellow")

    # --- how ---

    def _brief(self, event: events.ServiceFailed | events.ServiceRestarting) -> str:
        """The reason without the cause that was told when it exited."""
        cause = self._causes.get(event.service, "")
        return event.reason.replace(cause, "") if cause else event.reason

    def _say(self, service: str, fancy: str, plain: str, text: str, colour: str = "dim") -> None:
        self._screen.say(text, service, self._style.glyph(fancy, plain), colour)

    def _note(self, fancy: str, plain: str, text: str, colour: str) -> None:
        self._screen.say(f"{self._style.paint(self._style.glyph(fancy, plain), colour)} {text}")

    def _indented(self, text: str) -> list[str]:
        lines = [f"  {line}" for line in text.splitlines()]
        if not self._screen.is_terminal:
            return lines
        return [folded for line in lines for folded in self._style.folded(line, "  ")]


# Explicit: an event without an entry is not for people (`service.starting` is followed by `service.started`).
_RENDER: Mapping[type[events.Event], Callable[[Console, Any, Envelope, RunState], None]] = {
    events.RunStarted: Console._run_started,
    events.DoctorFinished: Console._doctor_finished,
    events.PortFreed: Console._port_freed,
    events.EnvChanged: Console._env_changed,
    events.RunReady: Console._run_ready,
    events.RunStopping: Console._run_stopping,
    events.RunFinished: Console._run_finished,
    events.SetupStarted: Console._setup_started,
    events.SetupFinished: Console._setup_finished,
    events.ServiceStarted: Console._service_started,
    events.ProbeFailed: Console._probe_failed,
    events.ServiceReady: Console._service_ready,
    events.ServiceDegraded: Console._service_degraded,
    events.ServiceExited: Console._service_exited,
    events.ServiceRestarting: Console._service_restarting,
    events.ServiceStopping: Console._service_stopping,
    events.ServiceStopped: Console._service_stopped,
    events.ServiceFailed: Console._service_failed,
    events.OutputLost: Console._output_lost,
}
