"""How long it took until everything was ready, on what, and how that compares with the last runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

from devstack.host.private_folder import PrivateFolder
from devstack.records import dataclass
from devstack.run.critical_chain import Link, critical_chain
from devstack.run.state import RunState
from devstack.views.wording import duration

FILE = "history.jsonl"
KEPT_RUNS = 50
COMPARED_RUNS = 5
NOTEWORTHY = 0.1
"""A change of less than a tenth is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds until ready, the critical chain, and the seconds of earlier comparable runs, oldest first."""

    seconds: float
    chain: tuple[Link, ...]
    earlier: tuple[float, ...] = ()

    @property
    def chain_words(self) -> str:
        """`server 0.8 s → web 1.2 s`."""
        return " → ".join(f"{_title(link.service)} {duration(link.seconds)}" for link in self.chain)

    @property
    def trend_words(self) -> str:
        """`20 % slower than the last 5 runs (median 2.1 s)`; empty without earlier runs."""
        if not self.earlier:
            return ""
        from statistics import median

        usual = median(self.earlier)
        runs = "the last run" if len(self.earlier) == 1 else f"the last {len(self.earlier)} runs"
        change = (self.seconds - usual) / usual if usual > 0 else 0.0
        if abs(change) < NOTEWORTHY or abs(self.seconds - usual) < NOTEWORTHY:
            return f"as fast as {runs}"
        middle = duration(usual) if len(self.earlier) == 1 else f"median {duration(usual)}"
        if change >= 1:
            return f"{change + 1:.1f} times as long as {runs} ({middle})"
        return f"{abs(change):.0%} {'slower' if change > 0 else 'faster'} than {runs} ({middle})"


def _title(service: str) -> str:
    owner, _, step = service.partition(".")
    return f"{step} of {owner}" if step else owner


class TimingHistory:
    """`.devstack/history.jsonl`: one line per run that became ready."""

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder

    def remember(self, state: RunState, seconds: float, at: float) -> Timing:
        """Measure this run, add it to the file, compare. A file that cannot be used is ignored."""
        timing = Timing(seconds=seconds, chain=critical_chain(state))
        lines = self._lines()
        names = sorted(state.services)
        earlier = tuple(_seconds(lines, names)[-COMPARED_RUNS:])
        entry = {
            "at": round(at, 3),
            "seconds": round(seconds, 3),
            "services": names,
            "chain": [[link.service, round(link.seconds, 3)] for link in timing.chain],
        }
        kept = [*lines, json.dumps(entry)][-KEPT_RUNS:]
        with contextlib.suppress(OSError):
            self._folder.write(FILE, ("\n".join(kept) + "\n").encode())
        return Timing(seconds=seconds, chain=timing.chain, earlier=earlier)

    def _lines(self) -> list[str]:
        try:
            return (self._folder.read(FILE) or b"").decode("utf-8", "replace").splitlines()
        except OSError:
            return []


def _seconds(lines: Sequence[str], names: Sequence[str]) -> list[float]:
    """The seconds of the runs of exactly these services; damaged lines are skipped."""
    found = []
    for line in lines:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            entry = json.loads(line)
            if entry["services"] == names:
                found.append(float(entry["seconds"]))
    return found
