"""Reads log files back in time order, merged over services, while they grow or afterwards."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from devstack.records import dataclass
from devstack.views.logfiles import HEADER, INDEX, KEEP, MAGIC, RECORD

CHUNK = 1024 * 1024
"""Bytes that are read at once at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive lines of one service; `at` is when the first of them came, seconds since the epoch."""

    at: float
    service: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A log that was opened: whatever it is called by the time it is read, its index is this one."""

    handle: int
    run: bytes
    began: float
    records: tuple[tuple[int, float], ...]
    identity: tuple[object, ...]


class LogHistory:
    """The logs below `folder` (`.devstack/logs`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_to: dict[tuple[object, ...], int] = {}

    def services(self) -> tuple[str, ...]:
        """Names of the services that have a log, sorted."""
        return tuple(sorted(path.name[: -len(".log")] for path in self._folder.glob("*.log")))

    def pieces(self, services: Sequence[str], since: float | None) -> Iterator[Piece]:
        """What `services` wrote, merged in time order.

        Without `since` the last run only; with it everything kept from then on (seconds since the epoch).
        """
        files = {service: self._files(service) for service in services}
        every = [file for of_service in files.values() for file in of_service]
        last_run = max(every, key=lambda file: file.began).run if every else b""
        streams = []
        for service, of_service in files.items():
            for file in of_service:
                if since is not None or file.run == last_run:
                    streams.append(self._stream(service, file, since))
                else:
                    self._read_to[file.identity] = os.fstat(file.handle).st_size
                    os.close(file.handle)
        return heapq.merge(*streams, key=lambda piece: piece.at)

    def news(self, services: Sequence[str]) -> list[Piece]:
        """What was added since `pieces` or `news` last looked, in time order."""
        return sorted(self._all_news(services), key=lambda piece: piece.at)

    def _all_news(self, services: Iterable[str]) -> Iterator[Piece]:
        for service in services:
            for file in self._files(service):
                yield from self._stream(service, file, None)

    def _files(self, service: str) -> list[_File]:
        """Oldest first. Looked for from the newest on: one that is renamed meanwhile is met again, not missed."""
        found: dict[tuple[object, ...], _File] = {}
        for name in (f"{service}.log", *(f"{service}.log.{number}" for number in range(1, KEEP))):
            file = _open(self._folder / name)
            if file is not None and found.setdefault(file.identity, file) is not file:
                os.close(file.handle)
        return list(reversed(found.values()))

    def _stream(self, service: str, file: _File, since: float | None) -> Iterator[Piece]:
        try:
            size = os.fstat(file.handle).st_size
            done = self._read_to.get(file.identity, 0)
            self._read_to[file.identity] = size
            starts = file.records or ((0, file.began),)
            ends = [offset for offset, _ in starts[1:]] + [size]
            for (offset, at), end in zip(starts, ends, strict=True):
                if end <= done or (since is not None and at < since):
                    continue
                for data in _lines(file.handle, max(offset, done), end):
                    yield Piece(at=at, service=service, data=data)
        finally:
            os.close(file.handle)


def _lines(handle: int, start: int, end: int) -> Iterator[bytes]:
    """Bytes `start` to `end` in chunks that break after a newline wherever there is one."""
    rest = b""
    while start < end:
        data = os.pread(handle, min(CHUNK, end - start), start)
        if not data:
            break
        start += len(data)
        cut = data.rfind(b"\n") + 1 if start < end else len(data)
        if cut or len(rest) > CHUNK:
            cut = cut or len(data)
            yield rest + data[:cut]
            rest = data[cut:]
        else:
            rest += data
    if rest:
        yield rest


def _open(path: Path) -> _File | None:
    """A log and its index; without a usable index its time is that of its last change."""
    while True:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        index, facts = _content(path.with_name(path.name + INDEX)), os.fstat(handle)
        with suppress(OSError):
            if path.stat().st_ino == facts.st_ino:
                break
        os.close(handle)  # it was rotated away, so that may be the index of another one
    if len(index) < HEADER.size or not index.startswith(MAGIC):
        return _File(handle=handle, run=b"", began=facts.st_mtime, records=(), identity=(facts.st_ino,))
    _, run, began = HEADER.unpack_from(index)
    body = index[HEADER.size : len(index) - (len(index) - HEADER.size) % RECORD.size]
    records = tuple(RECORD.iter_unpack(body))
    return _File(handle=handle, run=run, began=began, records=records, identity=(facts.st_ino, run, began))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
