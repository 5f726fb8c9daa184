"""The error tree. Each class carries the exit code and kind that commands report.

    DevstackError                 70  internal     (never raised bare)
    ├── UsageError                 2  usage        wrong argument, unknown name
    ├── StackFileError             2  stack-file   stack.toml missing, unreadable or invalid; all problems
    ├── FindingsError              1  findings     doctor found errors, so the command stops
    ├── PortHeldError              3  port-held    a declared port belongs to somebody else
    ├── ServiceFailedError         4  service-failed
    ├── RefusedError               5  refused      it could be done, but would be unsafe without consent
    ├── SystemProblem              6  system       the operating system said no
    ├── NotRunningError            6  not-running  no stack runs here, or its socket is dead
    └── TimedOutError            124  timed-out

Every error is one clear sentence in `message` (what, where) and what to do in `hint`. Values of secrets are
never put into either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import ClassVar

from devstack.nearest import did_you_mean
from devstack.records import dataclass


class ExitCode(IntEnum):
    """Exit codes of every command; the table in the README is generated from here."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    PORT_HELD = 3
    SERVICE_FAILED = 4
    REFUSED = 5
    SYSTEM = 6
    INTERNAL = 70
    TIMED_OUT = 124
    INTERRUPTED = 130
    TERMINATED = 143


class DevstackError(Exception):
    """Base of every error that reaches the user: a message, a hint, an exit code and a kind."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    kind: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DevstackError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = ExitCode.USAGE
    kind = "usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a declaring file.

    Attributes:
        path: the file, as shown to people (relative to the current folder where possible).
        line: 1-based; None when the file as a whole is meant.
        key: dotted key, `services.web.port`; empty when none applies.
        message: what is wrong.
        suggestion: what to write instead ("did you mean `depends_on`?"), or None.
    """

    path: str
    line: int | None
    key: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        key = f" {self.key}:" if self.key else ""
        tail = f" ({self.suggestion})" if self.suggestion else ""
        return f"{where}:{key} {self.message}{tail}"


def unknown_service(name: str, known: Iterable[str], where: str = "stack.toml") -> UsageError:
    """No service is called `name`; with the nearest name, else all of them."""
    known = tuple(known)
    hint = did_you_mean(name, known, f"services: {', '.join(known) or 'none'}")
    return UsageError(f"no service `{name}` in {where}", hint=hint)


class StackFileError(DevstackError):
    """stack.toml, or the Procfile it names, cannot be used; `problems` holds every mistake found."""

    exit_code = ExitCode.USAGE
    kind = "stack-file"

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class FindingsError(DevstackError):
    """Doctor's errors stop the command; the findings themselves were already shown."""

    exit_code = ExitCode.FINDINGS
    kind = "findings"


class PortHeldError(DevstackError):
    """A declared port cannot be had."""

    exit_code = ExitCode.PORT_HELD
    kind = "port-held"


class ServiceFailedError(DevstackError):
    """A service, a setup step or a tool that it needs failed."""

    exit_code = ExitCode.SERVICE_FAILED
    kind = "service-failed"


class RefusedError(DevstackError):
    """Refused because it would be unsafe, or because nobody could be asked."""

    exit_code = ExitCode.REFUSED
    kind = "refused"


class SystemProblem(DevstackError):  # noqa: N818 - `SystemError` and `OSError` are taken by Python
    """The operating system refused: permissions, full disk, no processes left."""

    exit_code = ExitCode.SYSTEM
    kind = "system"


class NotRunningError(SystemProblem):
    """No stack runs in this folder, or its control socket is dead."""

    kind = "not-running"


class TimedOutError(DevstackError):
    """A wait that the user bounded ran out."""

    exit_code = ExitCode.TIMED_OUT
    kind = "timed-out"
