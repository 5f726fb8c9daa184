"""Decides when a service is ready: asks the kernel often and cheaply, the service itself rarely.

Until something listens nothing is sent. Only a listener of the service's own tree counts; a foreign one on
its port is named. Attempts follow at 10, 20, 40 … 250 ms. After readiness the listener is looked at every few
seconds, so that a service that stops answering is seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import cache

from devstack.contract.connection import Endpoint
from devstack.contract.plain_http import get
from devstack.host import listening
from devstack.host.model import Listener, ProcessId
from devstack.probes import http, tcp
from devstack.probes.base import Answer
from devstack.records import dataclass
from devstack.stack.model import ProbeKind, Ready
from devstack.supervisor.socket_gate import Listening, StackClient, until_open

STEPS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.25)
LOOK_EVERY = 0.01
LOOK_LATER = 0.05
EAGER_FOR = 20.0
"""Seconds for which the kernel is asked every 10 ms; a slower start is asked every 50 ms."""
ALIVE_FIRST, ALIVE_EVERY = 1.0, 10.0
"""A server that became ready is looked at soon, then less and less often."""
ASK_EVERY = 30.0
RECOVER_EVERY = 0.5
FIRST_ANSWER = 30.0
"""A first page may take this long to compile; later attempts get the probe's own limit."""
FIRST_PAGE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a gate watches.

    Attributes:
        members: the living processes of the service; empty for external services.
        port: None when only a log line or a command decides.
        moves: frameworks that take the next port when theirs is taken (Next, Vite).
        ports: every declared port of the service.
        holder: names who holds a port, in words.
        command: runs the declared command once.
        client: connects to the WebSocket once the probe passed; None where none is declared or wanted.
    """

    service: str
    ready: Ready
    members: Callable[[], Iterable[ProcessId]]
    port: int | None = None
    ports: frozenset[int] = frozenset()
    host: str | None = None
    tls: bool = False
    is_external: bool = False
    moves: bool = False
    warms: bool = False
    holder: Callable[[int], str] = lambda port: "somebody else"
    command: Callable[[], Awaitable[Answer]] | None = None
    client: StackClient | None = None


Report = Callable[[Answer], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the kernel says of a port: our listener's addresses, or why there is none."""

    addresses: tuple[str, ...] = ()
    answer: Answer | None = None
    note: str = ""
    inodes: tuple[int | None, ...] = ()


class SharedListening:
    """One question to the kernel serves every gate that asks within a few milliseconds."""

    def __init__(self, fresh_for: float = 0.004) -> None:
        self._fresh_for = fresh_for
        self._asked_at = 0.0
        self._found: dict[int, list[Listener]] = {}

    def on(self, port: int) -> list[Listener]:
        """Who listens on `port` now, give or take a few milliseconds."""
        now = time.monotonic()
        if now - self._asked_at > self._fresh_for:
            self._asked_at = now
            self._found = {}
            for one in listening.listeners():
                self._found.setdefault(one.port, []).append(one)
        return self._found.get(port, [])


class Gate:
    """Watches one generation of one service until it is cancelled."""

    def __init__(self, target: Target, shared: SharedListening, report: Report) -> None:
        self._target = target
        self._shared = shared
        self._report = report
        self._foreign: tuple[int | None, ...] = ()
        self._foreign_text = ""
        self._line = asyncio.Event()
        self._line_text = ""
        self._told: Answer | None = None
        self._own_sockets: frozenset[int] = frozenset()

    def log_matched(self, line: str) -> None:
        """The log probe's line came (event loop's thread)."""
        self._line_text = line
        self._line.set()

    async def watch(self) -> None:
        """Until ready, then whether it stays so."""
        if self._target.client is not None:
            self._target.client.prepare()
        await self._until_ready()
        if self._target.port is not None and self._target.ready.kind is not ProbeKind.LOG:
            await self._stay()

    async def _until_ready(self) -> None:
        began = time.monotonic()
        attempts = 0
        while True:
            look = await self._listener(began)
            answer = await self._attempt(look, first=attempts == 0)
            if answer.ok:
                further = await self._as_client()
                note = "; ".join(one for one in (answer.note, look.note, further.note) if one)
                detail = "; ".join(one for one in (answer.detail, further.detail) if one)
                self._report(Answer(ok=True, detail=detail, note=note))
                return
            self._tell(answer)
            await asyncio.sleep(STEPS[min(attempts, len(STEPS) - 1)])
            attempts += 1

    async def _listener(self, began: float) -> Look:
        """Wait until a process of ours listens on the port; at once where no port decides."""
        if self._target.port is None or self._target.ready.kind in (ProbeKind.LOG, ProbeKind.COMMAND):
            return Look()
        return await self._our_listener(began)

    async def _as_client(self) -> Answer:
        """Once the probe passed: the WebSocket, where one is declared."""
        client = self._target.client
        if client is None or self._target.port is None:
            return Answer(ok=True, detail="")
        began = time.monotonic()

        async def listening() -> Listening:
            look = await self._our_listener(began)
            literal = tuple(dict.fromkeys(_reachable(one) for one in look.addresses))
            return Listening(addresses=literal, mark=(look.inodes, frozenset(self._target.members())))

        return await until_open(client, listening, self._tell)

    async def _our_listener(self, began: float) -> Look:
        """Wait until a process of ours listens on the declared port, telling what is there instead."""
        if self._target.is_external:
            port = self._target.port
            inodes = () if port is None else tuple(one.inode for one in self._shared.on(port))
            return Look(addresses=self._usual_addresses(), inodes=inodes)
        drift_at = time.monotonic() + 0.5
        while True:
            look = self.look()
            if look.addresses:
                return look
            now = time.monotonic()
            if now >= drift_at:
                drift_at = now + 1.0
                look = self._drifted() or look
            if look.answer is not None:
                self._tell(look.answer)
            await asyncio.sleep(LOOK_EVERY if now - began < EAGER_FOR else LOOK_LATER)

    def look(self) -> Look:
        """One look at the port, without sending anything to it."""
        port = self._target.port
        assert port is not None
        found = self._shared.on(port)
        if not found:
            return Look(answer=Answer(ok=False, detail=f"nothing listens on port {port}"))
        ours = [
            one
            for one in listening.listeners_of(one.pid for one in self._target.members())
            if one.port == port
        ]
        if ours:
            self._own_sockets = frozenset(one.inode for one in ours if one.inode)
            addresses, inodes = tuple(one.address for one in ours), tuple(one.inode for one in ours)
            return Look(addresses=addresses, note=_family_note(ours), inodes=inodes)
        return self._not_ours(port, found)

    def _not_ours(self, port: int, found: list[Listener]) -> Look:
        inodes = tuple(one.inode for one in found)
        if inodes != self._foreign:
            self._foreign = inodes
            owned = [one for one in listening.listeners([port], with_owners=True) if one.owners]
            self._foreign_text = self._target.holder(port) if owned else ""
        if self._foreign_text:
            text = f"port {port} is held by {self._foreign_text} (not ours)"
            return Look(answer=Answer(ok=False, detail=text))
        note = f"who listens on port {port} cannot be seen, so it may not be this service"
        return Look(addresses=tuple(one.address for one in found), note=note, inodes=inodes)

    def _drifted(self) -> Look | None:
        """Our tree listens, but on another port than the declared one."""
        target = self._target
        elsewhere = sorted(
            {one.port for one in listening.listeners_of(one.pid for one in target.members())} - target.ports
        )
        if not elsewhere or target.port is None:
            return None
        taken = self._shared.on(target.port)
        if target.moves and taken:
            who = self._target.holder(target.port)
            text = f"it moved to port {elsewhere[0]}, because port {target.port} is held by {who}"
            return Look(answer=Answer(ok=False, detail=text, fatal=True))
        if taken:
            return None
        text = f"nothing listens on port {target.port}; it listens on {', '.join(map(str, elsewhere))}"
        return Look(answer=Answer(ok=False, detail=text))

    async def _attempt(self, look: Look, *, first: bool = False) -> Answer:
        ready = self._target.ready
        if ready.kind is ProbeKind.LOG:
            self._tell(Answer(ok=False, detail=f"waiting for a line that matches /{ready.target}/"))
            await self._line.wait()
            return Answer(ok=True, detail=f"logged: {self._line_text[:120]}")
        if ready.kind is ProbeKind.COMMAND:
            assert self._target.command is not None
            return await self._target.command()
        answer = Answer(ok=False, detail="no address to ask")
        for endpoint in self._endpoints(look.addresses):
            answer = await self._ask(endpoint, FIRST_ANSWER if first and self._target.moves else http.TIMEOUT)
            if answer.ok:
                break
        return answer

    async def _ask(self, endpoint: Endpoint, limit: float) -> Answer:
        ready = self._target.ready
        if ready.kind is ProbeKind.HTTP:
            path = ready.target or "/"
            return await http.probe(endpoint, path, status=ready.status, contains=ready.json, timeout=limit)
        return await tcp.probe(endpoint)

    async def _stay(self) -> None:
        """Look again now and then; two bad answers in a row count."""
        asked_at, misses, pause = time.monotonic(), 0, ALIVE_FIRST
        if self._target.warms:
            await self._warm()
        while True:
            await asyncio.sleep(RECOVER_EVERY if misses else pause)
            pause = min(pause * 2, ALIVE_EVERY)
            look = self._glance()
            answer = look.answer
            if answer is None and (misses or time.monotonic() - asked_at >= ASK_EVERY):
                asked_at = time.monotonic()
                answer = await self._attempt(look)
            if answer is None:
                continue
            if not answer.ok:
                misses += 1
                if misses > 1:
                    self._report(answer)
            elif misses:
                misses, pause = 0, ALIVE_FIRST
                self._report(answer)

    def _glance(self) -> Look:
        """As `look`, but a socket that was ours before is ours without another look at processes."""
        port = self._target.port
        assert port is not None
        if self._target.is_external:
            return Look(addresses=self._usual_addresses())
        known = [one for one in listening.listeners([port]) if one.inode in self._own_sockets]
        return Look(addresses=tuple(one.address for one in known)) if known else self.look()

    async def _warm(self) -> None:
        """Ask for the first page, so that its compilation is done when somebody looks; any answer is fine."""
        look = self.look()
        for endpoint in self._endpoints(look.addresses)[:1]:
            await get(endpoint, "/", timeout=FIRST_PAGE)

    def _tell(self, answer: Answer) -> None:
        if answer != self._told:
            self._told = answer
            self._report(answer)

    def _usual_addresses(self) -> tuple[str, ...]:
        host = self._target.host or "localhost"
        return ("127.0.0.1", "::1") if host == "localhost" else (host,)

    def _endpoints(self, addresses: Iterable[str]) -> list[Endpoint]:
        port = self._target.port
        assert port is not None
        literal = dict.fromkeys(_reachable(one) for one in addresses)
        host = self._target.host or "localhost"
        shown = "localhost" if host in ("0.0.0.0", "::") else host
        return [Endpoint(address=one, port=port, host=shown, tls=self._target.tls) for one in literal]


def _reachable(address: str) -> str:
    """The address under which a listener on a wildcard can be asked."""
    if address == "::":
        return _loopback()
    return "127.0.0.1" if address == "0.0.0.0" else address


@cache
def _loopback() -> str:
    """Of a listener on `::`. Many containers have no ::1; there it can only be a listener that hears IPv4 as well."""
    return "127.0.0.1" if listening.bind_error(0, "::1") else "::1"


def _family_note(ours: Iterable[Listener]) -> str:
    addresses = {one.address for one in ours}
    return "IPv6 only: it listens on ::1, not on 127.0.0.1" if addresses == {"::1"} else ""
