"""The stream that all services share: aligned prefixes, whole lines, one unfinished line at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devstack.records import dataclass
from devstack.views.control_codes import Tamer
from devstack.views.stream import Stream
from devstack.views.style import Style

LINE_CAP = 16 * 1024
"""A terminal gets so many bytes of one line; the rest is only in the log file."""
SERVICE_COLOURS = (
    "cyan",
    "magenta",
    "green",
    "yellow",
    "blue",
    "bright-cyan",
    "bright-magenta",
    "bright-blue",
)
_PLAIN = str.maketrans({"→": "->", "…": "...", "–": "-"})
_ERASE_LINE = b"\r\x1b[K"


@dataclass(slots=True)
class _Lane:
    """How one service's lines are written."""

    prefix: bytes
    tamer: Tamer
    pending: bytes = b""  # newest state of a progress line, where states cannot be overwritten
    length: int = 0  # of its unfinished line
    hidden: int = 0  # bytes of it that were not shown


class Screen:
    """Writes blocks and messages to `handle`.

    `cap`: bytes of one line that a terminal gets. `on_closed` is called once when nobody reads any more.
    """

    def __init__(
        self,
        handle: int,
        style: Style,
        services: Sequence[str],
        *,
        prefixes: bool = True,
        cap: int | None = LINE_CAP,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        self.style = style
        self._stream = Stream(handle, on_closed)
        self.is_terminal = self._stream.is_terminal
        self._erases = self.is_terminal and style.erases
        self._prefixes = prefixes
        self._cap = cap if self.is_terminal else None
        self._width = 0
        self._order: dict[str, int] = {}
        self._lanes: dict[str, _Lane] = {}
        self._open: _Lane | None = None
        self.include(services)

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads any more."""
        return self._stream.is_closed

    def include(self, services: Sequence[str]) -> None:
        """Make room for these names too, from the next line on."""
        for name in map(_owner, services):
            self._order.setdefault(name, len(self._order))
        self._width = max(map(len, self._order), default=0)
        for service, lane in self._lanes.items():
            lane.prefix = self._prefix(service)

    def output(self, service: str, data: bytes) -> None:
        """Write a block of `service`: whole lines, or a part of an unfinished one."""
        lane = self._lanes.get(service) or self._new_lane(service)
        text = lane.tamer.tame(data)
        if self._cap is not None:
            text = self._shorten(lane, text, self._cap)
        if not text:
            return
        starts_over = lane.tamer.starts_over
        if lane.pending:
            keeps = not starts_over or text.startswith(b"\n")
            text, lane.pending = (lane.pending + text if keeps else text), b""
        if starts_over and not self._erases and b"\n" not in text:
            lane.pending = text
            return
        self._print(lane, text, starts_over=starts_over)

    def _print(self, lane: _Lane, text: bytes, *, starts_over: bool = False) -> None:
        pieces: list[bytes] = []
        if self._open is not lane:
            pieces += [b"\n" if self._open else b"", lane.prefix]
        elif starts_over and not text.startswith(b"\n"):
            pieces += [_ERASE_LINE if self._erases else b"\n", lane.prefix]
        if text.endswith(b"\n"):
            pieces += [text[:-1].replace(b"\n", b"\n" + lane.prefix), b"\n"]
            self._open = None
        else:
            pieces.append(text.replace(b"\n", b"\n" + lane.prefix))
            self._open = lane
        self._stream.write(*pieces)

    def clear_echo(self) -> None:
        """Take away the `^C` that a terminal writes at the key press."""
        if self._erases and self._open is None:
            self._stream.write(_ERASE_LINE)

    def finish(self) -> None:
        """Write what was kept back, end an unfinished line."""
        for lane in self._lanes.values():
            self._release(lane)
        if self._open:
            self._open = None
            self._stream.write(b"\n")

    def _release(self, lane: _Lane) -> None:
        if lane.pending:
            text, lane.pending = lane.pending, b""
            self._print(lane, text, starts_over=True)

    def say(self, text: str, service: str | None = None, mark: str = "", colour: str = "dim") -> None:
        """Write a message of devstack, about `service` or about the run; it may have several lines."""
        if service in self._lanes:
            self._release(self._lanes[service])
        head = self._label(service, self.style.paint(mark, colour)) if service else ""
        if not self.style.unicode:
            text = text.translate(_PLAIN)
        body = "".join(f"{head}{line}".rstrip() + "\n" for line in text.split("\n"))
        before = b"\n" if self._open else b""
        self._open = None
        self._stream.write(before, body.encode("utf-8", "replace"))

    def quote(self, service: str, mark: str, line: str) -> None:
        """Repeat one line that `service` wrote, tamed like its output."""
        text = Tamer(colour=self.style.colour).tame(line.encode("utf-8", "replace"))
        self.say(text[:LINE_CAP].decode("utf-8", "replace"), service, mark)

    def _label(self, service: str, mark: str) -> str:
        owner = _owner(service)
        colour = SERVICE_COLOURS[self._order.get(owner, 0) % len(SERVICE_COLOURS)]
        return f"{self.style.paint(owner.ljust(self._width), colour)} {mark} "

    def _new_lane(self, service: str) -> _Lane:
        lane = _Lane(prefix=self._prefix(service), tamer=Tamer(colour=self.style.colour))
        self._lanes[service] = lane
        return lane

    def _prefix(self, service: str) -> bytes:
        bar = self.style.glyph("│", "|") if self.is_terminal else "|"
        return self._label(service, self.style.paint(bar, "dim")).encode() if self._prefixes else b""

    def _shorten(self, lane: _Lane, text: bytes, cap: int) -> bytes:
        """Cut what of a line goes beyond `cap`, and say how much it was."""
        *whole, rest = text.split(b"\n")
        if not whole and lane.length + len(rest) <= cap:
            lane.length += len(rest)
            return text
        if not lane.length and len(rest) <= cap and max(map(len, whole), default=0) <= cap:
            lane.length = len(rest)
            return text
        shown = [self._cut(lane, line, cap) + self._note(lane) for line in whole]
        return b"\n".join([*shown, self._cut(lane, rest, cap)])

    @staticmethod
    def _cut(lane: _Lane, part: bytes, cap: int) -> bytes:
        room = max(0, cap - lane.length)
        lane.length += len(part)
        lane.hidden += len(part[room:])
        return part[:room]

    @staticmethod
    def _note(lane: _Lane) -> bytes:
        note = f" … {lane.hidden:,} more bytes of this line are in the log file" if lane.hidden else ""
        lane.length = lane.hidden = 0
        return note.encode()


def _owner(service: str) -> str:
    """The output of a setup step, `web.setup`, is shown as that of web."""
    return service.partition(".")[0]
