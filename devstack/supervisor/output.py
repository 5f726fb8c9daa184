"""One service's output on its way from the pipe: redacted once, kept in the log file, published as blocks.

host.pump → ServiceOutput.write → redaction → log file (lossless) → hub → views (may fall behind)
                                            → the last lines, for a failure's report
                                            → the log probe, while it waits
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Protocol

from devstack.run.events import Event, OutputBlock

TAIL_BYTES = 64 * 1024
"""So many of the last bytes are kept for a failure's report."""
PROBE_OVERLAP = 8 * 1024
"""So much of an unfinished line a log probe remembers."""


class Redaction(Protocol):
    """A `devstack.env.redact` stream."""

    def feed(self, block: bytes) -> bytes:
        """What of everything so far may go out now, redacted."""
        ...

    def flush(self) -> bytes:
        """What was held back."""
        ...


class LogProbe:
    """Tells once, on the pump's thread, which line matched."""

    def __init__(self, pattern: str, matched: Callable[[str], None]) -> None:
        self._pattern = re.compile(pattern.encode(), re.MULTILINE)
        self._matched: Callable[[str], None] | None = matched
        self._rest = b""

    def look(self, block: bytes) -> None:
        """Search `block`, joined to the unfinished line before it."""
        if self._matched is None:
            return
        text = self._rest + block
        found = self._pattern.search(text)
        if found is None:
            self._rest = text[text.rfind(b"\n") + 1 :][-PROBE_OVERLAP:]
            return
        start, end = text.rfind(b"\n", 0, found.start()) + 1, text.find(b"\n", found.end())
        line = text[start : end if end >= 0 else len(text)]
        matched, self._matched = self._matched, None
        if matched is not None:  # `watch` and the pump may look at the same time
            matched(line.decode("utf-8", "replace").strip())


class ServiceOutput:
    """Receiver of one generation's output; everything but `tail` and `watch` happens on the pump's thread."""

    def __init__(
        self,
        *,
        service: str,
        generation: int,
        publish: Callable[[Event], None],
        redaction: Redaction,
        store: Callable[[bytes], None],
        pace: Callable[[], None] = lambda: None,
    ) -> None:
        """`store` appends to the log file; `pace` may wait a little for a screen that must not lose lines."""
        self._service = service
        self._generation = generation
        self._publish = publish
        self._redaction = redaction
        self._store = store
        self._pace = pace
        self._last: deque[bytes] = deque()
        self._last_size = 0
        self._probe: LogProbe | None = None

    def write(self, block: bytes) -> None:
        """Redact and hand on. What may be the beginning of a secret waits, also when the service pauses."""
        self._emit(self._redaction.feed(block))

    def end(self) -> None:
        """Hand on what the redaction held back."""
        self._emit(self._redaction.flush())

    def watch(self, pattern: str, matched: Callable[[str], None]) -> None:
        """Look for `pattern` in what came and comes; `matched` gets the line once, on whichever thread."""
        probe = LogProbe(pattern, matched)
        self._probe = probe
        probe.look(b"".join(tuple(self._last)))

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """The last lines so far, as text."""
        text = b"".join(tuple(self._last)).decode("utf-8", "replace")
        return tuple(line.rstrip("\r") for line in text.rstrip("\n").split("\n")[-lines:]) if text else ()

    def _emit(self, block: bytes) -> None:
        if not block:
            return
        self._store(block)
        self._publish(OutputBlock(service=self._service, generation=self._generation, data=block))
        self._remember(block)
        if self._probe is not None:
            self._probe.look(block)
        self._pace()

    def _remember(self, block: bytes) -> None:
        block = block[-TAIL_BYTES:]
        self._last.append(block)
        self._last_size += len(block)
        while self._last_size - len(self._last[0]) >= TAIL_BYTES:
            self._last_size -= len(self._last.popleft())
