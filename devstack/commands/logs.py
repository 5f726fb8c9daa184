"""`devstack logs`: what services wrote, from the log files, while the stack runs and after it."""

from __future__ import annotations

import re
import select
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from devstack.commands.running import Place
from devstack.errors import ExitCode, NotRunningError, UsageError, unknown_service
from devstack.host.private_folder import PrivateFolder
from devstack.host.run_lock import running_pid
from devstack.records import dataclass
from devstack.views.log_history import LogHistory, Piece
from devstack.views.logfiles import FOLDER
from devstack.views.screen import Screen

FOLLOW_EVERY = 0.1
LIVENESS_EVERY = 1.0
"""Seconds between two looks at whether the run still lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to show. `since`: a duration back from now, a time of today, or a date and time."""

    services: tuple[str, ...] = ()
    follow: bool = False
    since: str | None = None
    grep: str | None = None
    prefixes: bool = True


def logs(place: Place, options: Options) -> int:
    """Print; with `follow` go on until the run ends.

    Raises NotRunningError where nothing was ever written, and where the run that was followed did not end in order.
    """
    folder = place.private_folder()
    history = LogHistory(folder.path / FOLDER)
    names = _chosen(history, options, folder.path.parent.name)
    pattern = _pattern(options.grep)
    since = None if options.since is None else moment(options.since, time.time())
    sys.stdout.flush()
    screen = Screen(sys.stdout.fileno(), place.style(), names, prefixes=options.prefixes, cap=None)
    printer = _Printer(screen, pattern)
    followed = running_pid(folder) if options.follow else None  # before anything is shown of what it wrote
    printer.show(history.pieces(names, since))
    if options.follow:

        def show() -> None:
            printer.show(history.news(_chosen(history, options, "")))

        followed = _follow(folder, screen, show, followed)
    printer.finish()
    if followed is not None:
        _refuse_unexpected_end(folder, followed)
    return int(ExitCode.OK)


def _follow(folder: PrivateFolder, screen: Screen, show: Callable[[], None], seen: int | None) -> int | None:
    """Show what comes until the run ends: the pid it had; None where it did not live, or nobody reads any more.

    `seen`: the pid of the run before what it wrote so far was shown.
    """
    next_look = 0.0
    while not screen.is_closed:
        pid = seen
        if time.monotonic() >= next_look:
            pid = running_pid(folder)
            next_look = time.monotonic() + LIVENESS_EVERY
        show()
        if pid is None:
            return seen
        seen = pid
        if _reader_leaves_within(FOLLOW_EVERY):
            break
    return None


def _refuse_unexpected_end(folder: PrivateFolder, supervisor: int) -> None:
    """Raise where the run of `supervisor` has not written down that it is over."""
    from devstack.host.state_file import read

    record = read(folder)
    if record is not None and record.supervisor.pid == supervisor and not record.is_over:
        raise NotRunningError(
            "the run ended unexpectedly: devstack was killed, or could not stop everything.",
            hint="`devstack down` stops what is left of it.",
        )


def _reader_leaves_within(seconds: float) -> bool:
    """Wait; True as soon as nobody reads our output any more (`logs -f | head -1` while services are silent)."""
    if not hasattr(select, "poll"):
        time.sleep(seconds)
        return False
    watched = select.poll()
    watched.register(sys.stdout.fileno(), 0)  # no events asked for: errors and hang-ups are told all the same
    return bool(watched.poll(seconds * 1000))


def _chosen(history: LogHistory, options: Options, where: str) -> tuple[str, ...]:
    known = history.services()
    unknown = [name for name in options.services if name not in known]
    if unknown and known:
        raise unknown_service(unknown[0], known, "the logs")
    if not known:
        raise NotRunningError(f"there are no logs yet in {where}", hint="`devstack up` writes them.")
    return tuple(name for name in known if not options.services or _belongs(name, options.services))


def _belongs(log: str, services: tuple[str, ...]) -> bool:
    """A service's own log, and that of its setup step (`web.setup`)."""
    return log in services or log.partition(".")[0] in services


class _Printer:
    """Shows pieces, or of them the lines that match: a line that a piece leaves unfinished goes on in the next."""

    def __init__(self, screen: Screen, pattern: re.Pattern[bytes] | None) -> None:
        self._screen = screen
        self._pattern = pattern
        self._unfinished: dict[str, bytes] = {}

    def show(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            data = piece.data
            if self._pattern is not None:
                data = self._unfinished.pop(piece.service, b"") + data
                cut = data.rfind(b"\n") + 1
                self._unfinished[piece.service] = data[cut:]
                data = _matching(data[:cut], self._pattern)
            if data:
                self._screen.output(piece.service, data)
            if self._screen.is_closed:
                return

    def finish(self) -> None:
        """What was never finished."""
        for service, data in self._unfinished.items():
            if data and self._pattern is not None and self._pattern.search(data):
                self._screen.output(service, data)
        self._screen.finish()


def _matching(data: bytes, pattern: re.Pattern[bytes]) -> bytes:
    """The lines of `data` that match; it ends with a newline."""
    if pattern.search(data) is None:
        return b""
    lines = data.split(b"\n")[:-1]  # not splitlines: that also splits at `\r`
    return b"".join(line + b"\n" for line in lines if pattern.search(line))


def _pattern(text: str | None) -> re.Pattern[bytes] | None:
    if text is None:
        return None
    try:
        return re.compile(text.encode(), re.MULTILINE)
    except re.error as problem:
        raise UsageError(f"--grep: not a regular expression: {problem}") from None


_CLOCK = ("%H:%M", "%H:%M:%S")


def moment(text: str, now: float) -> float:
    """Seconds since the epoch of `5m` (ago), `14:30` (today) or `2026-01-31T14:30`, in local time."""
    from devstack import durations

    try:
        return now - durations.parse(text)
    except ValueError:
        pass
    for form in _CLOCK:
        try:
            clock = datetime.strptime(text, form).time()
        except ValueError:
            continue
        return datetime.combine(datetime.fromtimestamp(now).date(), clock).timestamp()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UsageError(
            f"--since {text}: neither a duration nor a time",
            hint="Examples: 5m, 14:30, 2026-01-31T14:30",
        ) from None
