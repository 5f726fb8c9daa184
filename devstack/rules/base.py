"""What a rule is, what it may look at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from devstack.env.edits import Edit as Edit  # part of a Fix; `env.edit` performs it
from devstack.records import dataclass, field


class Severity(StrEnum):
    """`error` stops `up`; order of the members is order of importance."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Needs(StrEnum):
    """What a rule reads: files only, this host's ports and processes, or answers of running services."""

    FILES = "files"
    HOST = "host"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place: `path` POSIX relative to the stack's root, 1-based `line` (None = the file).

    `variable` names the one that is meant; `note` says what stands there, for related locations.
    """

    path: str
    line: int | None = None
    variable: str | None = None
    note: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is a file; the environment of a process is written in brackets."""
        return not self.path.startswith("(")

    @property
    def shown(self) -> str:
        """`ws/.env:3`, or the path alone."""
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """How to mend a finding; safe ones may be applied by `--fix`."""

    title: str
    safe: bool
    edits: tuple[Edit, ...] = ()
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong, where it is mended (first location) and what belongs to it (the rest).

    Attributes:
        message: what is wrong, what the person sees because of it, never a secret's text.
        hint: what to do.
    """

    rule: str
    id: str
    severity: Severity
    message: str
    service: str | None = None
    locations: tuple[Location, ...] = ()
    hint: str | None = None
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Skip(Exception):  # noqa: N818 - it is an answer, not an error
    """Raised by a rule that cannot know; shown in the report, never silently green."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: the module that defines it holds its page as docstring.

    Attributes:
        check: gives the findings for one inspection; may raise Skip.
    """

    id: str
    name: str
    severity: Severity
    needs: Needs = Needs.FILES
    check: Callable[..., Iterable[Finding]]
    page: str = ""
    fixable: bool = False

    @property
    def title(self) -> str:
        """The first line of the page: what is found."""
        return self.page.strip().partition("\n")[0]

    def finding(
        self,
        message: str,
        *locations: Location,
        severity: Severity | None = None,
        service: str | None = None,
        hint: str | None = None,
        fix: Fix | None = None,
    ) -> Finding:
        """A finding of this rule, at the rule's severity unless another one is given."""
        return Finding(
            rule=self.name,
            id=self.id,
            severity=severity or self.severity,
            message=message,
            service=service,
            locations=locations,
            hint=hint,
            fix=fix,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A rule that did not run, and why. `is_failure`: for a bug of ours, so something may be wrong all the same."""

    rule: str
    reason: str
    is_failure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Sorted findings after suppression, skipped rules, and seconds spent per rule."""

    stack: str
    root: Path
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(1 for finding in self.findings if finding.severity is severity)
