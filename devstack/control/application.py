"""What the control socket answers. Imported when the first client connects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from devstack.control.protocol import Replacement, services_json
from devstack.errors import DevstackError, ExitCode, StackFileError
from devstack.run.events import Envelope, OutputBlock, RunFinished
from devstack.run.facts import Fact, RestartRequested, ShutdownRequested, StartRequested, StopRequested
from devstack.run.hub import LIMIT, Hub
from devstack.run.public import as_json
from devstack.run.schedule import real
from devstack.run.state import ENDED, Phase, RunState, ServiceState

CLOSING_PATIENCE = 1


class _OwnerOnly(H11Protocol):
    """Hangs up on other users before reading a byte of theirs."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        from devstack.control.server import is_own_peer

        if is_own_peer(transport.get_extra_info("socket")):
            super().connection_made(transport)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "transport") and self.transport is not None:
            super().connection_lost(exc)


class _Server(uvicorn.Server):
    """uvicorn without its clock: it would wake up ten times a second for as long as the stack runs."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    async def main_loop(self) -> None:
        await self.ending.wait()


def serve(app: ASGIApp, listener: socket.socket, stoppable: Callable[[Callable[[], None]], None]) -> None:
    """Answer on `listener` until the function given to `stoppable` is called (from any thread)."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(Exception):  # uvicorn would print it: `survive` has heard it
            await app(scope, receive, send)

    async def run() -> None:
        config = uvicorn.Config(
            told,
            http=_OwnerOnly,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=CLOSING_PATIENCE,
        )
        server = _Server(config)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(server.ending.set)

        stoppable(stop)
        await server.serve(sockets=[listener])

    asyncio.run(run())


Replace = Callable[[bool], Replacement | None]
"""As in `ControlServer`; may take a second, so it is called on a thread of its own."""


def application(
    hub: Hub,
    reload_env: Callable[[], None] | None,
    replace_stack: Replace,
    *,
    survive: Callable[[Exception], str],
) -> Starlette:
    """The routes; every answer is JSON, also that to a request over which a bug of ours shows (`survive`)."""
    answers = _Answers(hub, reload_env, replace_stack)

    async def failed(request: Request, problem: Exception) -> Response:
        return JSONResponse({"error": survive(problem)}, status_code=500)

    return Starlette(
        exception_handlers={
            Exception: failed,
            ClientDisconnect: _half_asked,
            json.JSONDecodeError: _half_asked,
        },
        routes=[
            Route("/state", answers.state),
            Route("/events", answers.events),
            Route("/wait", answers.wait),
            Route("/stop", answers.stop, methods=["POST"]),
            Route("/start", answers.start, methods=["POST"]),
            Route("/restart", answers.restart, methods=["POST"]),
            Route("/down", answers.down, methods=["POST"]),
            Route("/env/reload", answers.reload, methods=["POST"]),
        ],
    )


async def _half_asked(request: Request, problem: Exception) -> Response:
    return JSONResponse({"error": "the request is not complete"}, status_code=400)


class _Answers:
    def __init__(self, hub: Hub, reload_env: Callable[[], None] | None, replace_stack: Replace) -> None:
        self._hub = hub
        self._reload_env = reload_env
        self._replace_stack = replace_stack

    async def state(self, request: Request) -> Response:
        return JSONResponse(_state_json(self._hub.state))

    async def stop(self, request: Request) -> Response:
        return await self._post(request, lambda names: StopRequested(services=names))

    async def start(self, request: Request) -> Response:
        return await self._post(request, lambda names: StartRequested(services=names))

    async def restart(self, request: Request) -> Response:
        """Of everything: with stack.toml as it is now."""
        body, state = await request.json(), self._hub.state
        if body.get("all") and not (state.stopping or state.finished):
            try:
                found = await asyncio.to_thread(self._replace_stack, bool(body.get("yes")))
            except DevstackError as problem:
                return _refused(problem)
            if found is not None:
                return JSONResponse({**_state_json(state), **_replaced(found, state)})
        return await self._post(request, lambda names: RestartRequested(services=names))

    async def down(self, request: Request) -> Response:
        self._hub.post(ShutdownRequested(reason="devstack down", code=ExitCode.OK))
        return JSONResponse(_state_json(self._hub.state))

    async def reload(self, request: Request) -> Response:
        if self._reload_env is None:
            return JSONResponse({"error": "env files are not watched in this run"}, status_code=409)
        self._reload_env()
        return JSONResponse({})

    async def _post(self, request: Request, fact: Callable[[tuple[str, ...]], Fact]) -> Response:
        """Post the request; the answer is the state before it, so that a client can wait for what follows."""
        state = self._hub.state
        names = await _names(request, state)
        if isinstance(names, Response):
            return names
        if state.stopping or state.finished:
            return JSONResponse({"error": "the stack is stopping"}, status_code=409)
        self._hub.post(fact(names))
        return JSONResponse({**_state_json(state), "asked": list(names)})

    async def wait(self, request: Request) -> Response:
        """Answer when a service is `ready` (`started`, `stopped`) or will not become it by itself.

        `after`: a generation up to this one does not count as ready, and a later one says that this one was
        stopped; `since`: an end up to this time (seconds since the epoch) does not count as failed. Both say:
        not what was before the request.
        """
        query = request.query_params
        name, wanted = query.get("service", ""), query.get("condition", "ready")
        after, since = int(query.get("after", "-1")), float(query.get("since", "0"))
        if not _is_known(name, self._hub.state):
            return _unknown([name], self._hub.state)
        timeout = float(query["timeout"]) if "timeout" in query else None
        outcome = "timeout"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                async with contextlib.aclosing(_states(self._hub)) as states:
                    async for state in states:
                        if name not in state.services:
                            continue
                        found = _outcome(state, state.services[name], wanted, (after, since))
                        if found is not None:
                            outcome = found
                            break
        body = next((one for one in services_json(self._hub.state) if one["name"] == name), None)
        if body is None:  # it was taken out of stack.toml meanwhile, or not taken in yet
            body = {"name": name, "phase": Phase.PENDING.value, "since": 0.0, "waiting_for": []}
            body |= {"last_probe": None, "reason": "", "generation": 0}
        return JSONResponse({"outcome": outcome, "service": body})

    async def events(self, request: Request) -> Response:
        """The state now, then every event, as JSON lines; `?output=0` leaves output away."""
        output = request.query_params.get("output", "1") != "0"
        return StreamingResponse(_event_lines(self._hub, output), media_type="application/x-ndjson")


def _replaced(found: Replacement, state: RunState) -> dict[str, list[str]]:
    return {
        "asked": list(found.anew),
        "kept": [name for name in found.services if name not in found.anew],
        "removed": [name for name in real(state) if name not in found.services],
        "later": list(found.later),
    }


def _is_known(name: str, state: RunState) -> bool:
    """Whether it is a service of the run, or of the stack that is about to take over."""
    return name in real(state) or any(spec.name == name for spec in state.successor or ())


def _refused(problem: DevstackError) -> Response:
    """An error of the running stack, as its client is to report it."""
    problems = problem.problems if isinstance(problem, StackFileError) else ()
    text = "\n".join([problem.message, *(f"  {one}" for one in problems)])
    return JSONResponse({"error": text, "hint": problem.hint, "kind": problem.kind}, status_code=409)


def _state_json(state: RunState) -> dict[str, Any]:
    return {
        "version": 1,
        "services": services_json(state),
        "began_at": state.began_at,
        "ready": state.was_ready,
        "stopping": state.stopping,
    }


async def _names(request: Request, state: RunState) -> tuple[str, ...] | Response:
    body = await request.json()
    known = tuple(real(state))
    if body.get("all"):
        return known
    names = tuple(str(name) for name in body.get("services", ()))
    unknown = [name for name in names if name not in known]
    return _unknown(unknown, state) if unknown else names


def _unknown(names: Iterable[str], state: RunState) -> Response:
    return JSONResponse({"unknown": list(names), "known": list(real(state))}, status_code=404)


def _outcome(state: RunState, service: ServiceState, wanted: str, before: tuple[int, float]) -> str | None:
    """`reached` or `failed` once it is decided, else None. `before`: generation and time of what is past."""
    after, since = before
    if wanted == "stopped":
        return "reached" if service.phase in ENDED or _was_replaced(service, after, since) else None
    if state.finished or state.stopping:
        return "failed"
    if service.phase in (Phase.FAILED, Phase.STOPPED):
        return "failed" if service.since > since else None
    if service.generation <= after:
        return None
    has_started = wanted == "started" and service.started_at > 0 and service.phase is not Phase.PENDING
    return "reached" if has_started or service.phase in (Phase.READY, Phase.COMPLETED) else None


def _was_replaced(service: ServiceState, after: int, since: float) -> bool:
    """Whether what ran at the time of the request is gone, although somebody asked for a start meanwhile."""
    waits_anew = service.phase in (Phase.PENDING, Phase.BACKOFF) and service.since > since
    return after >= 0 and (service.generation > after or waits_anew)


class _Live:
    """A subscription that an asyncio task can wait on."""

    def __init__(self, hub: Hub, limit: int = LIMIT) -> None:
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        self.state, self._subscription = hub.subscribe(self._wake, limit)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed under a late event
            self._loop.call_soon_threadsafe(self._news.set)

    def __enter__(self) -> _Live:
        return self

    def __exit__(self, *problem: object) -> None:
        self._subscription.close()

    async def batches(self) -> AsyncGenerator[list[Envelope]]:
        """What came since `state`, as it comes; ends after `run.finished`."""
        while True:
            if batch := self._subscription.take():
                yield batch
                if isinstance(batch[-1].event, RunFinished):
                    return
            else:
                await self._news.wait()
                self._news.clear()


async def _states(hub: Hub) -> AsyncGenerator[RunState]:
    """The state now and after each event."""
    with _Live(hub, limit=0) as live:
        yield live.state
        async for _ in live.batches():
            yield hub.state


async def _event_lines(hub: Hub, output: bool) -> AsyncGenerator[bytes]:
    with _Live(hub) as live:
        yield json.dumps({"v": 1, "event": "state", **_state_json(live.state)}).encode() + b"\n"
        async for batch in live.batches():
            lines = [
                json.dumps(as_json(one)).encode() + b"\n"
                for one in batch
                if output or not isinstance(one.event, OutputBlock)
            ]
            if lines:
                yield b"".join(lines)
