"""What `devstack up` was asked for, and what its checks made of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import settings
from devstack.records import dataclass, field, replace
from devstack.settings import Settings
from devstack.stack import defaults

if TYPE_CHECKING:
    from devstack.commands.up_checks import FindingKey
    from devstack.commands.up_isolate import MovedStack
    from devstack.host.private_folder import PrivateFolder
    from devstack.host.run_lock import Lock
    from devstack.run import events
    from devstack.stack.model import Stack
    from devstack.supervisor.plan import DueSetup, Setups
    from devstack.views.style import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        folder: where the search for stack.toml starts.
        environment: the environment devstack was started with.
        ask: puts a yes/no question to the person; None where nobody can be asked.
        timeout: seconds until everything must be ready; None = as long as it takes.
        fails_fast: nobody watches: a service that fails for good before everything is ready ends the run.
        isolate: move every port, to run beside another checkout.
    """

    folder: Path
    environment: Mapping[str, str]
    ask: Callable[[str], bool] | None = None
    services: tuple[str, ...] = ()
    yes: bool = False
    check: bool = True
    profiles: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    wait: bool = False
    timeout: float | None = None
    exit_when_done: bool = False
    fails_fast: bool = False
    as_json: bool = False
    isolate: bool = False

    def consent(self, question: str) -> bool:
        """Whether the person agrees: `--yes`, or an answer on the terminal."""
        if self.yes:
            return True
        return self.ask is not None and self.ask(question)

    def with_own_options(self, declared: Stack) -> tuple[Settings, Request, Stack]:
        """devstack's own options as this stack, the environment and the command line have them.

        Also the request and the stack, with the options applied to them.
        """
        flags = {"profiles": self.profiles or None, "timeout": self.timeout}
        own = settings.resolve(declared.settings, self.environment, flags).settings
        as_json = self.as_json or own.log_format == "json"
        stack = declared if own.grace is None else defaults.with_grace(declared, own.grace)
        return own, replace(self, profiles=own.profiles, timeout=own.timeout, as_json=as_json), stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything that the checks found out; `names` in start order.

    Attributes:
        stack: what runs; another one than `declared` with `--isolate`.
        asked: the request before devstack's own options were applied to it.
    """

    stack: Stack
    declared: Stack
    names: tuple[str, ...]
    folder: PrivateFolder
    lock: Lock
    setups: Setups
    due: tuple[DueSetup, ...]
    asked: Request
    request: Request
    started: float
    early: tuple[events.Event, ...] = ()
    baseline: frozenset[FindingKey] | None = None
    moved: MovedStack | None = None
    own: Settings = field(default_factory=Settings)

    @property
    def look(self) -> Style:
        """How the terminal may be written to."""
        from devstack.views import style

        environment = {**self.request.environment, "DEVSTACK_COLOUR": self.own.colour}
        return style.detect(sys.stdout, environment)
