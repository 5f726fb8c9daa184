"""Puts a run together: host, guard, output, views, control, watcher; and takes it apart again."""

from __future__ import annotations

import asyncio
import gc
import select
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from devstack.commands import up_checks
from devstack.commands.crash import Crashes
from devstack.commands.up_first import First, initial_state
from devstack.control.protocol import Replacement
from devstack.env.model import Environment
from devstack.errors import ExitCode
from devstack.host import folder_watch, signals, state_file
from devstack.host.background import Announcer, run_in_background
from devstack.host.base import Host
from devstack.host.pump import Pump
from devstack.run import events
from devstack.run.facts import ShutdownRequested, StackReplaced
from devstack.run.hub import Hub
from devstack.run.schedule import runs_on
from devstack.run.state import RunState
from devstack.supervisor.children import Running
from devstack.supervisor.output import ServiceOutput
from devstack.supervisor.redaction import Secrets
from devstack.supervisor.runner import Runner
from devstack.supervisor.watch import EnvWatch
from devstack.views.feed import CLOSING_LIMIT, PATIENCE, Feed, View
from devstack.views.logfiles import LogFiles
from devstack.views.stream import Stream
from devstack.views.until_ready import UntilReady
from devstack.views.wording import waiting

if TYPE_CHECKING:
    from devstack.commands.up_apply import Succession
    from devstack.commands.up_job import Job
    from devstack.control.server import ControlServer


def in_foreground(first: First) -> int:
    """Run until the end what has begun."""
    return _Assembly(first).execute()


class _Assembly:
    """The parts of one run."""

    def __init__(self, first: First, announcer: Announcer | None = None) -> None:
        self.first = first
        self.job = job = first.job
        self.run = first.run
        self._has_complained = False
        self._is_followed = announcer is None
        self.crashes = Crashes(self._complain)
        self.addresses: dict[str, str] = {}
        self.hub = Hub(time.time)
        self.host: Host = first.host
        self.guard = first.guard
        self.services = first.services
        self.services.adopt = self._adopt
        self.pump = Pump()
        self.logs = LogFiles(job.folder, self.run, self._complain, cap=job.own.log_size)
        self.secrets = Secrets(job.stack, job.request.environment)
        view = self._view()
        view = view if announcer is None else UntilReady(view, announcer)
        patient = not sys.stdout.isatty()
        self.feed = Feed(self.hub, view, "screen", is_patient=patient, failed=self.crashes.survive)
        self.watch = self._watcher()
        self.next: Succession | None = None
        self.runner = self._runner()
        first.listen(self._resolved)

    def execute(self) -> int:
        """Run it, then take everything apart, whatever happened."""
        with ExitStack() as ending:  # last in, first out; each step happens whatever another one raises
            threading.excepthook = self._thread_failed
            ending.callback(self.logs.close)
            ending.callback(self._show_the_rest)
            ending.callback(self.pump.stop)
            return asyncio.run(self._main())

    def _show_the_rest(self) -> None:
        """Wait for a slow reader; not for one that stands still while somebody waits for the end."""
        if not self.feed.close(PATIENCE if self.hub.state.asked else CLOSING_LIMIT):
            self._complain("nobody read the end of the output: `devstack logs` has it")

    async def _main(self) -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._callback_failed)
        assert self.first.held is not None
        undo = signals.listen(
            loop,
            stop=self.stop,
            child=self._child_ended,
            resized=self.runner.resize,
            held=self.first.held,
        )
        if self.job.request.timeout is not None:
            loop.call_later(self.job.request.timeout, self._timed_out)
        self.controls = [self._control()]
        presence = folder_watch.watch(loop, self._entry_changed)
        presence.set({self.job.folder.path.parent})
        self.watch.start(self.job.started)
        try:
            code = await self.runner.execute(self._began)
            self._record(self.runner.state, {}, is_over=not self.host.strays())
            return code
        finally:
            self.watch.close()
            presence.close()
            for control in self.controls:
                if control is not None:
                    control.close()
            undo()

    def _entry_changed(self, name: str) -> None:
        """Something beside our folder came or went: if it is the folder itself (`git clean`), there is a new one."""
        folder = self.job.folder
        if name not in ("", folder.path.name) or folder.path.exists() or not folder.path.parent.is_dir():
            return
        try:
            folder.create()
            self.job.lock.release()
            self.job.lock.acquire()
        except OSError as problem:
            self._complain(
                f"{folder.path.name} was removed, and there can be no new one ({problem.strerror})"
            )
            return
        self.logs.renew()
        self.controls.append(self._control())
        self.runner.record()
        self._complain(f"{folder.path.name} was removed: there is a new one, without the logs so far")

    def _callback_failed(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        if "exception" in context:
            self.crashes.survive(context["exception"])

    def _thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None:
            self.crashes.survive(failed.exc_value)

    def _child_ended(self) -> None:
        """Some child of ours ended: an adopted one is collected, a guard that was killed is replaced."""
        self.host.reap()
        try:
            told = self.guard.replace_if_gone()
        except OSError as problem:
            told = f"the guard was ended, and there can be no other one ({problem.strerror})"
        if told is not None:
            self.host.set_apart(self.guard.pid)
            self._complain(told)

    def _unread(self) -> None:
        if self._is_followed:  # a run in the background is not there to be read
            self.stop("nobody reads the output", int(ExitCode.OK))

    def stop(self, reason: str, code: int) -> None:
        """A signal asks the run to end; the second time it is forced."""
        self.hub.post(ShutdownRequested(reason=reason, code=code))

    def _began(self) -> None:
        asyncio.get_running_loop().call_soon(_collect_again)
        job = self.job
        self.hub.publish(events.RunStarted(stack=job.stack.name, run=self.run, services=job.names))
        for event in job.early:
            self.hub.publish(event)

    def _timed_out(self) -> None:
        if not self.hub.state.was_ready and not self.hub.state.stopping:
            limit = self.job.request.timeout
            blockers = [f"{name} {text}" for name, text in waiting(self.hub.state, time.time())[:1]]
            reason = ": ".join([f"not ready within {limit:g}s", *blockers])
            self.hub.post(ShutdownRequested(reason=reason, code=int(ExitCode.TIMED_OUT)))

    async def _succeed(self, former: Job, found: Succession) -> Replacement | None:
        """Another stack.toml is to be run: what it changes goes down first, then `_adopt` is called.

        None when `former`, which it was compared with, runs no more: another request was faster.
        """
        if self.job is not former:
            return None
        job, state = found.job, self.hub.state
        self.next = found
        self.hub.publish(
            events.EnvChanged(
                services=job.names, files=(job.stack.path.name,), action="applied", detail=found.detail
            )
        )
        for event in job.early:
            self.hub.publish(event)
        specs = tuple(initial_state(job).specs.values())
        self.hub.post(StackReplaced(specs=specs, unchanged=found.unchanged))
        kept = {name for name in found.unchanged if runs_on(state.services[name])}
        anew = tuple(name for name in job.names if name not in kept)
        return Replacement(services=job.names, anew=anew, later=found.later)

    def _adopt(self) -> None:
        """Of the former stack lives only what the next one leaves as it is."""
        assert self.next is not None
        job = self.job = self.next.job
        current = None if job.moved is None else job.moved.current
        self.services.replace(job.stack, job.setups, current)
        self.secrets.adopt(job.stack)
        self.watch.adopt(
            job.declared, job.names, current=current, settle=job.own.settle, unchanged=self.next.unchanged
        )
        self.logs.cap = job.own.log_size
        addresses = _addresses(job)
        self.addresses.update(addresses)  # the screen's thread reads them: at no moment one is missing
        for name in self.addresses.keys() - addresses.keys():
            del self.addresses[name]

    def _watcher(self) -> EnvWatch:
        job = self.job
        return EnvWatch(
            job.declared,
            job.names,
            current=None if job.moved is None else job.moved.current,
            process=job.request.environment,
            hub=self.hub,
            learn=self.secrets.learn,
            judge=self._judge if job.baseline is not None else lambda: "",
            settle=job.own.settle,
        )

    def _runner(self) -> Runner:
        return Runner(
            self.first.state,
            hub=self.hub,
            host=self.host,
            services=self.services,
            output=self._output,
            pump=self.pump,
            record=self._record,
            ahead=self.first.children,
            survive=self.crashes.survive,
        )

    def _output(self, service: str, generation: int) -> ServiceOutput:
        return ServiceOutput(
            service=service,
            generation=generation,
            publish=self.hub.publish,
            redaction=self.secrets.stream(),
            store=self.logs.store(service),
            pace=self.feed.pace,
        )

    def _resolved(self, service: str, environment: Environment) -> None:
        self.secrets.learn([environment])
        self.watch.started(service, environment)

    def _judge(self) -> str:
        """Errors that the files have now and had not when the run began, as text."""
        return up_checks.new_errors(self.job.stack, self.job.request, self.job.baseline or frozenset())

    def _record(self, state: RunState, running: dict[str, Running], *, is_over: bool = False) -> None:
        """Write down what lives, for whoever comes after us; the guard hears it too."""
        for one in running.values():
            self.guard.watch(one.child.id)
        try:
            self._save(running, is_over)
        except OSError as problem:  # somebody removed the folder, or the disk is full: the run goes on
            if not self._has_complained:
                self._has_complained = True
                self._complain(f"the state of this run cannot be kept ({problem.strerror})")

    def _save(self, running: dict[str, Running], is_over: bool) -> None:
        declared = self.job.stack.services
        self.job.folder.create()
        state_file.save(
            self.job.folder,
            state_file.RunRecord(
                run=self.run,
                boot=state_file.boot_id(),
                started=self.job.started,
                supervisor=state_file.own_id(),
                services={
                    name: state_file.ServiceRecord(
                        id=one.child.id,
                        generation=one.generation,
                        ports=tuple(port.number for port in declared[name].all_ports)
                        if name in declared
                        else (),
                    )
                    for name, one in running.items()
                },
                declared=self.job.moved.isolation.declared if self.job.moved is not None else {},
                is_over=is_over,
            ),
        )

    def _view(self) -> View:
        from devstack.views.timing import TimingHistory

        history = TimingHistory(self.job.folder)
        if self.job.request.as_json:
            from devstack.views.jsonl import JsonLines

            return JsonLines(Stream(sys.stdout.fileno(), self._unread).write, history)
        from devstack.views.console import Console
        from devstack.views.screen import Screen

        screen = Screen(
            sys.stdout.fileno(),
            self.job.look,
            self.job.names,
            on_closed=self._unread,
        )
        self.addresses.update(_addresses(self.job))
        return Console(screen, addresses=self.addresses, history=history)

    def _control(self) -> ControlServer | None:
        from devstack.control.server import ControlServer

        loop = asyncio.get_running_loop()
        server = ControlServer(
            self.job.folder,
            self.hub,
            reload_env=lambda: self._check_env(loop),
            replace_stack=lambda yes: self._replace_stack(loop, yes),
            survive=self.crashes.survive,
        )
        try:
            server.start()
        except OSError as problem:
            self._complain(f"no control socket ({problem.strerror}): ps, logs -f and down will not work")
            return None
        return server

    def _check_env(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called on the control server's thread."""
        loop.call_soon_threadsafe(self.watch.check)

    def _replace_stack(self, loop: asyncio.AbstractEventLoop, yes: bool) -> Replacement | None:
        """Called on a thread of the control server: what a changed stack.toml means."""
        from devstack.commands.up_apply import succession

        while (found := succession(job := self.job, yes=yes)) is not None:
            told = asyncio.run_coroutine_threadsafe(self._succeed(job, found), loop).result(10)
            if told is not None:
                return told
        return None

    def _complain(self, text: str) -> None:
        if select.select([], [sys.stderr], [], 0)[1]:  # who reads nothing holds up no service
            print(f"warning: {text}", file=sys.stderr)


def _addresses(job: Job) -> dict[str, str]:
    """Where people reach each service."""
    from devstack.views.addresses import addresses

    shown = addresses(job.stack)
    if job.moved is None:
        return shown
    from devstack.views.isolation import with_declared

    return with_declared(shown, job.moved.isolation)


def _collect_again() -> None:
    """The start is over: what was made so far lives on, only what comes from now on is looked through."""
    gc.freeze()
    gc.enable()


def in_background(job: Job) -> int:
    """Start the run in a process of its own; return once it is ready, has failed, or took too long."""

    def work(announcer: Announcer) -> int:
        job.lock.sign()
        with First() as first:
            first.start(job)
            return _Assembly(first, announcer).execute()

    def tell() -> None:
        if not job.request.as_json:
            print("It runs on in the background: `devstack ps` shows it, `devstack down` stops it.")

    return run_in_background(work, went_well=tell)
