"""Which env files, names and shared values are missing, and what to write so that everybody has them.

Nothing that is real is overwritten: only files that do not exist, names that nobody defines, and values that are
empty or placeholders. Two members with different real values are left to the person.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from devstack.contract import link_urls, written
from devstack.contract.draft import Draft
from devstack.contract.links import JudgedLink
from devstack.contract.members import Effective, is_issued
from devstack.env.dialect import Assignment, assignments
from devstack.env.file_names import is_env_name, is_example, without_example_words
from devstack.env.files import Files
from devstack.env.files_out import FileChange
from devstack.env.model import Environment, LayerKind
from devstack.env.secrets import is_placeholder
from devstack.env.source.model import SourceIndex
from devstack.errors import RefusedError
from devstack.records import dataclass, field
from devstack.stack import defaults
from devstack.stack.model import FileKey, Reference, Service, Shared, Stack

_STRONG_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that would be done: `what` to `names` in the file `path`."""

    path: Path
    what: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What is missing and what to write.

    Attributes:
        conflicts: shared groups with several real values: not touched.
        notes: what is missing and cannot be supplied from here.
    """

    changes: tuple[FileChange, ...]
    steps: tuple[Step, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.changes and not self.notes


def sync_plan(
    stack: Stack,
    environments: Mapping[str, Environment],
    files: Files,
    *,
    tracked: Collection[str] = (),
    sources: Callable[[str], SourceIndex] = lambda _: SourceIndex(),
    generate: Callable[[int], str] = secrets.token_urlsafe,
) -> SyncPlan:
    """Plan files from examples, missing names, one value for each shared group, and URLs of links.

    Args:
        tracked: files under version control, POSIX, relative to the stack's root: no secret goes into them when
            a private file can hold it.
        sources: what each service reads: a link whose code falls back to a literal that leads there needs no URL.
        generate: gives a random URL-safe text of so many bytes.
    """
    return _Planner(stack, Draft(stack, environments, files), tracked, sources, generate).plan()


@dataclass(slots=True)
class _Planner:
    stack: Stack
    draft: Draft
    tracked: Collection[str]
    sources: Callable[[str], SourceIndex]
    generate: Callable[[int], str]
    steps: list[Step] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    created: set[Path] = field(default_factory=set)

    def plan(self) -> SyncPlan:
        """Examples first: the groups are judged by what is there then."""
        for service in self.stack.services.values():
            if defaults.starts(service):
                self._from_example(service)
        for shared in self.stack.shared.values():
            self._share(shared)
        for one, url in list(link_urls.missing(self.draft.facts(self.sources))):
            self._link(one, url)
        return SyncPlan(
            changes=self.draft.changes(),
            steps=tuple(self.steps),
            conflicts=tuple(self.conflicts),
            notes=tuple(self.notes),
        )

    def _from_example(self, service: Service) -> None:
        environment = self.draft.environments()[service.name]
        example = self._example(service)
        home = home_file(environment)
        if example is None or home is None:
            return
        content = self.draft.content(example)
        if content is None:
            return
        if not any(self.draft.content(layer.path) is not None for layer in environment.layers):
            target = _target_of(example, environment, home)
            self.draft.put(target, content)
            self.created.add(target)
            names = tuple(dict.fromkeys(entry.name for entry in _defined(content)))
            self.steps.append(Step(path=target, what=f"created from {example.name}", names=names))
        else:
            self._add_missing(environment, content, example, home)

    def _add_missing(self, environment: Environment, content: bytes, example: Path, home: Path) -> None:
        decided = set(environment.variables)
        existing = [layer.path for layer in environment.layers if self.draft.content(layer.path) is not None]
        for path in existing:
            decided |= {entry.name for entry in assignments(_decoded(self.draft.content(path) or b""))}
        missing = [entry for entry in _defined(content) if entry.name not in decided]
        if not missing:
            return
        private = [path for path in existing if not self._is_tracked(path)]
        target = home if home in private or not private else private[0]
        text, added = _decoded(content), dict[str, str]()
        for entry in missing:
            added.setdefault(entry.name, text[entry.start : entry.end].rstrip("\r\n"))
        for line in added.values():
            self.draft.append(target, line)
        self.steps.append(Step(path=target, what=f"added from {example.name}", names=tuple(added)))

    def _example(self, service: Service) -> Path | None:
        folder = self.stack.root / service.dir
        if service.env.example is not None:
            path = folder / service.env.example
            return path if self.draft.files.is_file(path) else None
        names = [name for name in self.draft.files.names(folder) if is_example(name) and is_env_name(name)]
        names.sort(key=lambda name: (name != ".env.example", name))
        return folder / names[0] if names else None

    def _share(self, shared: Shared) -> None:
        members = [self.draft.effective(member) for member in shared.members]
        unknown = next((found for found in members if not found.is_known), None)
        if unknown is not None:
            if any(found.is_nothing for found in members):
                self.notes.append(
                    f"shared `{shared.name}`: {unknown.member.text}: {unknown.unknown}; nothing was done"
                )
            return
        real = [found for found in members if _is_real(shared, found)]
        kept = [found for found in real if not self._is_fresh(found)]
        if not kept and len({found.text for found in real}) == 1:
            kept = real  # examples that agree on a real value
        texts = {found.text for found in kept}
        if len(texts) > 1:
            where = ", ".join(_place(self.stack, found) for found in kept)
            self.conflicts.append(
                f"shared-mismatch: `{shared.name}` has different values: {where}; not touched"
            )
        elif lacking := [found for found in members if found.text not in texts]:
            self._supply(shared, lacking, next(iter(texts), None))

    def _supply(self, shared: Shared, lacking: list[Effective], known: str | None) -> None:
        wanted = known or self._new_value(shared)
        if known is not None:
            self._write(
                shared, lacking, known, f"shared `{shared.name}`: copied from the member that has one"
            )
        elif wanted is not None:
            # A new value for some members only would be a mismatch that was not there before.
            what, steps = f"shared `{shared.name}`: one new value for all", len(self.steps)
            if not self.draft.attempt(lambda: self._write(shared, lacking, wanted, what)):
                del self.steps[steps:]
                self.notes.append(f"shared `{shared.name}`: no new value is made for some members only")

    def _is_fresh(self, found: Effective) -> bool:
        """It stands in a file that was made from an example a moment ago."""
        return isinstance(found.path, Path) and found.path in self.created

    def _new_value(self, shared: Shared) -> str | None:
        names = [member.name for member in shared.members if isinstance(member, Reference)]
        if shared.secret and not is_issued(shared):
            return self.generate(max(_STRONG_BYTES, shared.min_bytes or 0))
        texts = ", ".join(member.text for member in shared.members)
        why = "its provider issues it" if shared.secret else "nobody has a value"
        if names:
            reference = next(member.text for member in shared.members if isinstance(member, Reference))
            self.notes.append(
                f"shared `{shared.name}` ({texts}): {why}; give it with `devstack env set {reference}`"
            )
        return None

    def _write(self, shared: Shared, lacking: list[Effective], wanted: str, what: str) -> bool:
        """Write it to each; whether everybody has it then."""
        notes = len(self.notes)
        for found in lacking:
            place = self._place_for(shared, found)
            if isinstance(place, str):
                self.notes.append(f"shared `{shared.name}`: {found.member.text}: {place}")
                continue
            name = written.name_of(found)
            try:
                written.write(self.draft, found, place, wanted)
            except RefusedError as problem:
                self.notes.append(f"shared `{shared.name}`: {found.member.text}: {problem.message}")
                continue
            self.steps.append(Step(path=place, what=what, names=(name,)))
            if self.draft.effective(found.member).text != wanted:
                self.notes.append(
                    f"shared `{shared.name}`: {found.member.text} still gets another value from elsewhere"
                )
        return len(self.notes) == notes

    def _place_for(self, shared: Shared, found: Effective) -> Path | str:
        """The file to write to, or why none can be."""
        place = place_for(self.draft.environments(), found)
        if isinstance(place, str) or not shared.secret or not self._is_tracked(place):
            return place
        if found.service is None:
            return "it is under version control, so no secret is written into it"
        return self._private(place, found.service)

    def _private(self, place: Path, service: str) -> Path:
        """The service's own file instead of one under version control."""
        home = home_file(self.draft.environments()[service])
        return home if home is not None and not self._is_tracked(home) else place

    def _link(self, one: JudgedLink, url: str) -> None:
        place = place_for(self.draft.environments(), one.effective)
        service, name = one.link.source.service, one.effective.name or ""
        if not isinstance(place, str):
            place = self._private(place, service) if self._is_tracked(place) else place
            try:
                written.write(self.draft, one.effective, place, url)
            except RefusedError as problem:
                place = problem.message
        if isinstance(place, str):
            self.notes.append(f"link {service}:{name}: {place}")
        else:
            self.steps.append(Step(path=place, what=f"link to {one.link.to}: {url}", names=(name,)))

    def _is_tracked(self, path: Path) -> bool:
        return (
            path.is_relative_to(self.stack.root)
            and path.relative_to(self.stack.root).as_posix() in self.tracked
        )


def place_for(environments: Mapping[str, Environment], found: Effective) -> Path | str:
    """Where a member's value is written: where the variable stands, else the reader's private file; or why not."""
    member = found.member
    if isinstance(member, FileKey) and isinstance(found.path, Path) and found.text:
        return found.path
    if not isinstance(member, Reference):
        return "it is no variable, so change it by hand"
    if member.part is not None and not written.is_writable_part(found):
        return "it is part of a URL that is not there as a whole, so change it by hand"
    environment = environments.get(member.service)
    if environment is None:
        return "its environment is not known"
    origin = found.value.origin if found.value is not None else None
    if origin is not None and origin.layer is LayerKind.FILE and origin.path is not None:
        return origin.path
    if origin is not None:
        where = {LayerKind.PROCESS: "the shell's environment", LayerKind.COMMAND: "the command line"}
        return f"it comes from {where.get(origin.layer, 'stack.toml')}, so change it there"
    home = home_file(environment)
    if home is None:
        return f"{member.service} reads no env file"
    return home if home.parent.is_dir() else f"the folder of {member.service} does not exist"


def home_file(environment: Environment) -> Path | None:
    """The private file of a service: `.env.local` where its loader reads that, else `.env`, else its first one."""
    paths = [layer.path for layer in environment.layers if not is_example(layer.path.name)]
    for name in (".env.local", ".env"):
        for path in paths:
            if path.name == name:
                return path
    return paths[0] if paths else None


def _is_real(shared: Shared, found: Effective) -> bool:
    """Neither nothing nor a placeholder. A plain word that is no secret (`test`, `admin`) may well be meant."""
    if not found.text:
        return False
    if not shared.secret and found.text.isalnum():
        return True
    return not is_placeholder(found.text, found.name or "")


def _target_of(example: Path, environment: Environment, home: Path) -> Path:
    """`.env.local.example` becomes `.env.local` where that is read; `.env.example` the private file."""
    stripped = without_example_words(example.name)
    if stripped != ".env":
        for layer in environment.layers:
            if layer.path.name == stripped:
                return layer.path
    return home


def _defined(content: bytes) -> list[Assignment]:
    return [entry for entry in assignments(_decoded(content)) if not entry.commented]


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _place(stack: Stack, found: Effective) -> str:
    if not isinstance(found.path, Path):
        return found.member.text
    path = found.path.relative_to(stack.root) if found.path.is_relative_to(stack.root) else found.path
    return f"{found.member.text} ({path.as_posix()}:{found.line})"
