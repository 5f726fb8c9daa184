"""Which texts must never be shown: every value that is a secret by name, by text or by declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from devstack.env.model import Environment
from devstack.env.redact import RedactionStream, Redactor
from devstack.env.resolve import lookup
from devstack.env.secrets import secret_texts
from devstack.stack.model import Reference, Stack


class Secrets:
    """Grows with every environment that a service was given, so that old values stay hidden too."""

    def __init__(self, stack: Stack, process: Mapping[str, str]) -> None:
        self._stack = stack
        self._values = {part for name, text in process.items() for part in secret_texts(name, text)}
        self._redactor: Redactor | None = None

    def learn(self, environment: Environment) -> None:
        """Hide the secret values of `environment` from now on."""
        found = {text for text in self._of(environment) if text}
        if not found <= self._values:
            self._values |= found
            self._redactor = None

    def adopt(self, stack: Stack) -> None:
        """Another stack declares which values are shared secrets; what was hidden stays hidden."""
        self._stack = stack

    def stream(self) -> RedactionStream:
        """Redaction for one process's output, with everything known by now."""
        if self._redactor is None:
            self._redactor = Redactor(self._values)
        return self._redactor.stream()

    def _of(self, environment: Environment) -> Iterator[str]:
        for name, value in environment.variables.items():
            # a program may print what it read from a file that lost, or the line as it is written there
            texts = (value.text, (value.raw or "").strip("\"'`"), *(shadow.text for shadow in value.shadows))
            for text in dict.fromkeys(texts):
                yield from secret_texts(name, text) if text else ()
        for shared in self._stack.shared.values():
            for member in shared.members if shared.secret else ():
                if isinstance(member, Reference) and member.service == environment.service:
                    found = lookup(member, environment).value
                    if member.part is None and found is not None and found.text:
                        yield found.text
