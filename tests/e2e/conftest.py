"""Fixtures for end-to-end tests: a real browser, a real `devstack up` whose events are read line by line."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import PATIENCE, clean_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, headless. One for a module: while playwright lives, its event loop runs in this thread."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert executable, "no chromium: `make test` installs Debian's"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=executable, args=CHROMIUM_FLAGS, timeout=PATIENCE * 1000
        )
        yield running
        running.close()


def new_page(browser: Browser, **options: Any) -> Page:
    """A page that waits for a busy machine."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE * 1000)
    return page


class Run:
    """A `devstack up --json` in its own session, started by the command `through`; its events arrive in order."""

    def __init__(
        self, argv: list[str], cwd: Path, env: Mapping[str, str], through: Sequence[str] = ()
    ) -> None:
        self.folder = cwd
        self.process = subprocess.Popen(
            [*through, sys.executable, "-m", "devstack", *argv],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.events: list[dict[str, Any]] = []
        self.errors = ""
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._drain, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._queue.put(json.loads(line))
        self._queue.put(None)

    def _drain(self) -> None:
        assert self.process.stderr
        self.errors = self.process.stderr.read().decode()

    def until(self, event: str, *, service: str | None = None, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next event of this name (and service); fails with what was seen instead when the run ends first."""
        while True:
            try:
                seen = self._queue.get(timeout=timeout)
            except queue.Empty:
                raise AssertionError(
                    f"no {event} {service or ''} within {timeout} s; seen: {self.story()}"
                ) from None
            if seen is None:
                self._queue.put(None)
                raise AssertionError(f"the run ended without {event} {service or ''}; seen: {self.story()}")
            assert "error" not in seen, f"{seen['error']}; seen: {self.story()}"
            self.events.append(seen)
            if seen["event"] == event and service in (None, seen.get("service")):
                return seen

    def next(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next event, whatever it is."""
        seen = self._queue.get(timeout=timeout)
        if seen is None:
            self._queue.put(None)
            raise AssertionError(f"the run ended; seen: {self.story()}")
        self.events.append(seen)
        return seen

    def story(self) -> str:
        """The events so far, short, and what was said on standard error."""
        shown = [
            f"{e['event']} {e.get('service', '')}".strip()
            for e in self.events
            if e["event"] != "service.output"
        ]
        output = [e for e in self.events if e["event"] == "service.output"][-15:]
        return "\n".join([", ".join(shown), *(json.dumps(e) for e in output), self.errors])

    def interrupt(self) -> int:
        """Ctrl-C, then the exit code."""
        return self.end(signal.SIGINT)

    def end(self, signal_number: int) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(signal_number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and read everything that is left."""
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code

    def close(self) -> None:
        """Leave nothing behind, whatever happened in the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(30)
        for thread in self._threads:
            thread.join(60)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


@pytest.fixture
def up() -> Iterator[Callable[..., Run]]:
    """Start `devstack up --json …` in a folder; every run is ended after the test."""
    runs: list[Run] = []

    def start(
        *argv: str, cwd: Path, env: Mapping[str, str] | None = None, through: Sequence[str] = ()
    ) -> Run:
        run = Run(["up", "--json", *argv], cwd, clean_environment(env), through)
        runs.append(run)
        return run

    yield start
    for run in runs:
        run.close()


@pytest.fixture
def piped(spawned: list[subprocess.Popen[bytes]]) -> Callable[..., subprocess.Popen[bytes]]:
    """Start `devstack …` in a folder, its output in two pipes; whatever still lives is killed after the test."""

    def start(
        *argv: str, cwd: Path, env: Mapping[str, str] | None = None, through: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*through, sys.executable, "-m", "devstack", *argv],
            cwd=cwd,
            env=clean_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        spawned.append(process)
        return process

    return start
