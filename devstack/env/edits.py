"""What a change to a file is; `env.edit` performs it."""

from __future__ import annotations

from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Edit:
    """One change to a file. Exactly one kind of change; `env.edit` performs it.

    Attributes:
        kind: `set` (variable := value in the file's dialect), `remove-line`, `rewrite` (whole new content),
            `create`, `append-line`, `chmod`.
        value: new value, line or content; octal text for chmod. May be secret: never shown.
    """

    kind: str
    path: str
    variable: str | None = None
    line: int | None = None
    value: str = ""
