"""Which texts must never be shown: every value that is a secret by name, by text or by declaration.

A service may print a secret that only another one is given, or that the env files hold since a moment ago. So the
environments of all services are read before the first line goes out, each change is learned as it is seen, and
running services' output is redacted with what is known then. What was hidden once stays hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from threading import Lock

from devstack.env.files import Files
from devstack.env.model import Environment
from devstack.env.redact import RedactionStream, Redactor
from devstack.env.resolve import lookup, resolve
from devstack.env.secrets import secret_texts
from devstack.env.source.model import SourceIndex
from devstack.stack.model import Member, Reference, Stack


class Secrets:
    """All secret values that were seen so far. May be used from several threads."""

    def __init__(self, stack: Stack, process: Mapping[str, str]) -> None:
        self._stack = stack
        self._process = process
        self._values = frozenset(part for name, text in process.items() for part in secret_texts(name, text))
        self._lock = Lock()
        self._read: Stack | None = None
        self._built: tuple[frozenset[str], Redactor] = (frozenset(), Redactor())

    def learn(self, environments: Iterable[Environment]) -> None:
        """Hide the secret values of `environments` from now on."""
        known = tuple(environments)
        found = {text for environment in known for text in self._of(environment) if text}
        found.update(self._of_contract(known))
        with self._lock:
            if not found <= self._values:
                self._values |= found

    def adopt(self, stack: Stack) -> None:
        """Another stack has other services and shared secrets."""
        self._stack = stack

    def stream(self) -> RedactionStream:
        """Redaction for one process's output, with everything that is known when a block comes."""
        return RedactionStream(self.redactor)

    def redactor(self) -> Redactor:
        """For everything known by now. The first call reads every service's environment."""
        stack = self._stack
        if self._read is not stack:
            self.learn(resolve(stack, process=self._process, files=Files(stack.root)).values())
            self._read = stack  # only now: nothing goes out with less, if it fails or another asks meanwhile
        values, redactor = self._built
        if values is not self._values:
            values = self._values
            redactor = Redactor(values)
            self._built = (values, redactor)
        return redactor

    def _of(self, environment: Environment) -> Iterator[str]:
        for name, value in environment.variables.items():
            # a program may print what it read from a file that lost, or the line as it is written there
            texts = (value.text, (value.raw or "").strip("\"'`"), *(shadow.text for shadow in value.shadows))
            for text in dict.fromkeys(texts):
                yield from secret_texts(name, text) if text else ()

    def _of_contract(self, environments: Iterable[Environment]) -> Iterator[str]:
        """What stack.toml declares to be secret, whatever it is called and wherever it is kept."""
        shared = [one for one in self._stack.shared.values() if one.secret]
        members = dict.fromkeys(member for one in shared for member in one.members)
        by_name = {environment.service: environment for environment in environments}
        further: list[Member] = []  # where more than the environment has to be read
        for member in members:
            if not isinstance(member, Reference) or member.part is not None:
                further.append(member)
            elif member.service in by_name:
                value = lookup(member, by_name[member.service]).value
                if value is not None and value.text:
                    yield value.text
        if further:
            from devstack.contract.members import Facts

            files = Files(self._stack.root)
            facts = Facts(
                stack=self._stack, environments=by_name, sources=lambda service: SourceIndex(), files=files
            )
            yield from (found.text for found in facts.effective_all(further) if found.text)
