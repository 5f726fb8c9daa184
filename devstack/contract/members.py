"""The effective value of each member of the contract: what the code really works with, and from where.

A reference is followed as the code follows it: names in order, falling through on unset or empty, then the
literal that the source falls back to. Where the truth cannot be known the result says so and holds no text.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.contract import urls
from devstack.env.secrets import is_secret_reference
from devstack.env.source.model import Fallback, SourceIndex, SourceRead
from devstack.lines import split
from devstack.patterns import regex
from devstack.records import dataclass, field, replace
from devstack.stack.model import FileKey, LiteralValue, Member, Reference, Shared, Stack, UrlPart

if TYPE_CHECKING:
    from devstack.env.model import Environment, FileReader, LoadIssue, Value


# Issues after which a name that was not found may still be set, or was lost with its whole file.
_BLINDING = frozenset(
    {"dynamic", "encoding", "unreadable", "file-dropped", "error", "hang", "too-large", "unread"}
)


class Provenance(StrEnum):
    """Where an effective value comes from."""

    ENVIRONMENT = "environment"
    FALLBACK = "fallback in source"
    FILE = "file"
    LITERAL = "literal"
    NOTHING = "nothing"


# Credentials that somebody else issues: a random one would never be accepted.
_ISSUED = regex(
    r"(?:^|_)(?:LIVEKIT|OPENAI|ANTHROPIC|STRIPE|AWS|GOOGLE|GCP|GITHUB|GITLAB|SLACK|DEEPGRAM|ELEVENLABS|CARTESIA"
    r"|SUPABASE|TWILIO|SENDGRID|RESEND|CLERK|AUTH0|AZURE|GROQ|MISTRAL|SENTRY|PINECONE|HF|HUGGINGFACE|DISCORD)_"
    r"|CLIENT_SECRET$|WEBHOOK_SECRET$"
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Effective:
    """What a member is worth to the program that reads it.

    Attributes:
        name: the variable that decided; the one to set where nothing did.
        text: None = no value at all, or unknown.
        value: the variable's value, also when it is empty and the code goes on to a fallback.
        fallback: the read whose literal is used.
        unknown: why nothing can be concluded; None otherwise.
        path: absolute, or relative to the root for source; None where there is no file.
    """

    member: Member
    name: str | None = None
    text: str | None = None
    provenance: Provenance = Provenance.NOTHING
    value: Value | None = None
    fallback: SourceRead | None = None
    unknown: str | None = None
    path: Path | str | None = None
    line: int | None = None

    @property
    def service(self) -> str | None:
        """The reading service, for references."""
        return self.member.service if isinstance(self.member, Reference) else None

    @property
    def is_known(self) -> bool:
        """Whether text (or its absence) is certain."""
        return self.unknown is None

    @property
    def is_nothing(self) -> bool:
        """Whether the code certainly ends with no text or an empty one."""
        return self.unknown is None and not self.text

    def __repr__(self) -> str:
        return f"Effective({self.member.text or self.name!r}, {self.provenance.value}, line {self.line})"


@dataclass(kw_only=True, repr=False)
class Facts:
    """What the contract is judged by. `sources` and `files` are asked only where needed."""

    stack: Stack
    environments: Mapping[str, Environment]
    sources: Callable[[str], SourceIndex]
    files: FileReader
    _known: dict[Member, Effective] = field(default_factory=dict)

    def effective(self, member: Member) -> Effective:
        """The effective value of `member`; computed once."""
        found = self._known.get(member)
        if found is None:
            found = self._known[member] = self._compute(member)
        return found

    def read_text(self, path: Path) -> str | None:
        """The text of a file, undecodable bytes replaced; None when it does not exist or cannot be read."""
        try:
            content = self.files.read(path)
        except OSError:
            return None
        return None if content is None else content.decode("utf-8", errors="replace")

    def effective_all(self, members: Iterable[Member]) -> tuple[Effective, ...]:
        """Effective values in the order of `members`."""
        return tuple(self.effective(member) for member in members)

    def _compute(self, member: Member) -> Effective:
        if isinstance(member, LiteralValue):
            return Effective(member=member, text=member.value, provenance=Provenance.LITERAL)
        if isinstance(member, FileKey):
            return self._file_key(member)
        return _part_of(self._reference(member))

    def _reference(self, reference: Reference) -> Effective:
        environment = self.environments.get(reference.service)
        if environment is None:
            return Effective(member=reference, name=reference.name, unknown="its environment is not known")
        name, value = _follow(reference, environment)
        if value is not None and value.unknown is not None:
            return Effective(member=reference, name=name, value=value, unknown=value.unknown)
        if value is not None and value.text:
            return _from_value(reference, name, value)
        return self._without_value(reference, environment, name, value)

    def _without_value(
        self, reference: Reference, environment: Environment, name: str, value: Value | None
    ) -> Effective:
        """Unset or empty: what the source does then."""
        lost = next((issue for issue in environment.issues if _is_blinding(issue)), None)
        if lost is not None and value is None:
            return Effective(member=reference, name=name, unknown=f"{lost.path.name} cannot be loaded")
        is_empty = value is not None and value.text == ""
        index = self.sources(reference.service)
        known = (*index.reads, *index.packages)
        reads = applying_reads(known, reference.names, is_empty=is_empty)
        for further in dict.fromkeys(other for read in reads for other in read.otherwise):
            found = None if further in reference.names else environment.get(further)
            if found is not None and found.unknown is not None:
                return Effective(member=reference, name=further, value=found, unknown=found.unknown)
            if found is not None and found.text:
                return _from_value(reference, further, found)
        if any(read.fallback or read.computed_fallback for read in reads):
            return _from_fallback(reference, name, value, reads)
        if value is not None and value.text is not None:
            return _from_value(reference, name, value)
        return Effective(member=reference, name=name, value=value)

    def _file_key(self, member: FileKey) -> Effective:
        path = (self.stack.root / member.path).absolute()
        text = self.read_text(path)
        if text is None:
            return Effective(member=member, path=path, unknown=f"{member.path} does not exist")
        try:
            found = _walk(_document(member.path, text), member.key)
        except _NoDocumentError as problem:
            return Effective(member=member, path=path, unknown=str(problem))
        line = _line_of(text, member.key)
        if found is None:
            return Effective(member=member, path=path, line=line)
        return Effective(member=member, path=path, line=line, text=found, provenance=Provenance.FILE)


def is_issued(shared: Shared) -> bool:
    """Whether somebody else issues this credential, so that a random value would never be accepted."""
    names = [name for member in shared.members if isinstance(member, Reference) for name in member.names]
    return any(map(is_issued_name, names))


def is_issued_name(name: str) -> bool:
    """Whether a variable is named like a credential that a provider issues."""
    return _ISSUED.search(name) is not None


def is_blinded(environment: Environment) -> bool:
    """Whether a name that is not found may be there all the same: files that were lost, ways nobody can follow."""
    return any(_is_blinding(issue) for issue in environment.issues)


def _is_blinding(issue: LoadIssue) -> bool:
    return issue.fatal or issue.kind in _BLINDING


def applying_reads(
    reads: Iterable[SourceRead], names: tuple[str, ...], *, is_empty: bool
) -> tuple[SourceRead, ...]:
    """Reads of one of `names` whose further names or literal take effect for an unset or an empty value."""
    found = []
    for read in reads:
        if read.name not in names or not (read.has_fallback or read.otherwise):
            continue
        if is_empty and read.operator is not Fallback.EMPTY_OR_UNSET:
            continue
        found.append(read)
    return tuple(found)


def _follow(reference: Reference, environment: Environment) -> tuple[str, Value | None]:
    """The name that decides and its value; where no name gives any, the empty one, else the first: the one to set."""
    from devstack.env.resolve import lookup

    found = lookup(reference, environment)
    if found.value is not None:
        return found.name or reference.name, found.value
    for name in reference.names:
        value = environment.get(name)
        if value is not None and value.is_empty:
            return name, value
    return reference.name, None


def _from_value(member: Reference, name: str, value: Value) -> Effective:
    if value.text is not None and is_secret_reference(value.text):
        return Effective(member=member, name=name, value=value, unknown="it is a reference to a secret store")
    return Effective(
        member=member,
        name=name,
        text=value.text,
        provenance=Provenance.ENVIRONMENT,
        value=value,
        path=value.origin.path,
        line=value.origin.line,
    )


def _from_fallback(
    member: Reference, name: str, value: Value | None, reads: tuple[SourceRead, ...]
) -> Effective:
    """What the source puts in place of nothing: one literal, or something that cannot be told."""
    literals = [read for read in reads if read.fallback]
    unknown = None
    if any(read.computed_fallback for read in reads):
        unknown = "its source computes one instead"
    elif len({read.fallback for read in literals}) > 1:
        unknown = "its sources fall back to several values"
    if unknown is not None:
        return Effective(member=member, name=name, value=value, unknown=unknown)
    return Effective(
        member=member,
        name=name,
        text=literals[0].fallback,
        provenance=Provenance.FALLBACK,
        value=value,
        fallback=literals[0],
        path=literals[0].path,
        line=literals[0].line,
    )


def _part_of(found: Effective) -> Effective:
    """Reduce a URL to the part that the reference asks for."""
    member = found.member
    if not isinstance(member, Reference) or member.part is None or found.text is None:
        return found
    if not urls.has_scheme(found.text):
        return _replace_text(found, None, "it is no URL, so it has no parts")
    return _replace_text(found, url_part(urls.parse(found.text), member.part), None)


def url_part(address: urls.Address, part: UrlPart) -> str | None:
    """One part of a URL as text."""
    if part == "port":
        return None if address.effective_port is None else str(address.effective_port)
    if part == "path":
        return address.path.lstrip("/") or None
    return {"user": address.user, "password": address.password, "host": address.host or None}[part]


def _replace_text(found: Effective, text: str | None, unknown: str | None) -> Effective:
    return replace(found, text=text, unknown=unknown)


class _NoDocumentError(Exception):
    """A file that cannot be taken as YAML, JSON or TOML; the message says why."""


def _document(path: str, text: str) -> object:
    suffix = Path(path).suffix.lower()
    reader = _READERS.get(suffix)
    if reader is None:
        raise _NoDocumentError(f"{path} is neither YAML, JSON nor TOML")
    try:
        return reader(text)
    except (ValueError, RecursionError) as problem:
        raise _NoDocumentError(f"{path} is not valid {suffix[1:].upper()}") from problem


_READERS: Mapping[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": foreign.from_yaml,
    ".yml": foreign.from_yaml,
}


def _walk(document: object, key: tuple[str, ...]) -> str | None:
    """The scalar under `key`, as text; a number in the key walks into a list."""
    here = document
    for position, step in enumerate(key):
        if isinstance(here, dict):
            rest = ".".join(key[position:])
            if rest in here:
                here = here[rest]
                break
            here = here.get(step, here.get(int(step)) if step.isdigit() else None)
        elif isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    if isinstance(here, bool):
        return "true" if here else "false"
    return str(here) if isinstance(here, (str, int, float)) else None


def _line_of(text: str, key: tuple[str, ...]) -> int | None:
    """The line on which the last step of the key stands, as well as a look at the text can tell."""
    lines = split(text)
    line = 0
    for step in key:
        # As a key (`step:`, `"step" =`, `[a.step]`), not as a word of a comment.
        wanted = re.compile(rf"""^[^#]*?(?<![\w-]){re.escape(step)}(?![\w-])["']?\s*[:=.\]]""")
        line = next((at for at in range(line, len(lines)) if wanted.match(lines[at])), line)
    return line + 1 if lines and key and key[-1] in lines[line] else None
