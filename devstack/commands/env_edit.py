"""`devstack env sync`, `set` and `rotate`: write env files so that everybody has what is needed, and the same."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract import written
from devstack.contract.draft import Draft
from devstack.contract.members import Effective, is_issued
from devstack.contract.needs import declared_names, probably_meant
from devstack.contract.sync import Step, SyncPlan, place_for
from devstack.contract.sync import sync_plan as planned
from devstack.env import edit
from devstack.env.files import Files
from devstack.env.model import Environment
from devstack.env.resolve import resolve
from devstack.errors import ExitCode, RefusedError, UsageError, unknown_service
from devstack.nearest import did_you_mean
from devstack.records import dataclass
from devstack.stack import load, reference
from devstack.stack.model import FileKey, Member, Reference, Stack
from devstack.views import diff
from devstack.views import sync as view
from devstack.views.style import detect

if TYPE_CHECKING:
    from devstack.env.source.model import SourceIndex
    from devstack.env.source.scan import SourceScanner

_STRONG_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for.

    Attributes:
        folder: where the search for stack.toml starts.
        environment: the environment devstack was started with.
        ask: puts a yes/no question to the person; None where nobody can be asked.
        check: only say what is missing.
        dry_run: only show the diff.
    """

    folder: Path
    environment: Mapping[str, str]
    ask: Callable[[str], bool] | None = None
    yes: bool = False
    check: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A loaded stack and what its services see now."""

    request: Request
    stack: Stack
    files: Files
    environments: Mapping[str, Environment]

    def shown(self, path: Path) -> str:
        """A path relative to the current folder."""
        return os.path.relpath(path, self.request.folder).replace(os.sep, "/")


def sync_plan(stack: Stack, environments: Mapping[str, Environment], files: Files) -> SyncPlan:
    """What `env sync` would write; for `up`, too, which asks first."""
    from devstack.host import git

    documents = {f"**/{Path(one.path).name}" for one in _documents(stack)}
    tracked = git.tracked_files(stack.root, ("**/.env*", "**/*.env", "**/env.*", *sorted(documents)))
    sources = _sources(stack, files)
    return planned(stack, environments, files, tracked=tracked or frozenset(), sources=sources)


def _sources(stack: Stack, files: Files) -> Callable[[str], SourceIndex]:
    """What a service's source reads; the scanner is loaded for the first question."""

    @cache
    def scanner() -> SourceScanner:
        from devstack.env.source.scan import SourceScanner

        return SourceScanner(stack.root, files)

    return lambda service: scanner().index(stack, service)


def _documents(stack: Stack) -> Iterator[FileKey]:
    members = (member for shared in stack.shared.values() for member in shared.members)
    return (member for member in members if isinstance(member, FileKey))


def sync(request: Request) -> int:
    """Create missing env files, add missing names, give every shared group one value."""
    place = _place(request)
    plan = sync_plan(place.stack, place.environments, place.files)
    _say(view.plan_text(plan, place.shown, detect(sys.stdout, request.environment)))
    if not plan.changes:
        _say("nothing to write\n" if plan.notes or plan.conflicts else "every env file is complete\n")
    if request.check:
        return int(ExitCode.OK if plan.is_complete and not plan.conflicts else ExitCode.FINDINGS)
    if plan.changes:
        _carry_out(place, plan, must_ask=False)
    return int(ExitCode.OK)


def set_value(request: Request, target: str, value: str) -> int:
    """Give a variable a value, in every file where the stack says that it must be the same."""
    place = _place(request)
    draft = Draft(place.stack, place.environments, place.files)
    members = _members(place.stack, target)
    steps = _write(draft, members, value, "set")
    if not draft.changes():
        _say("it has this value already\n")
        return int(ExitCode.OK)
    _say_slips(place, members)
    _carry_out(place, SyncPlan(changes=draft.changes(), steps=steps), must_ask=False)
    return int(ExitCode.OK)


def _say_slips(place: _Place, members: tuple[Member, ...]) -> None:
    """A name that stack.toml does not speak of, and that nobody reads, may be misspelt; it is written all the same."""
    declared, sources = declared_names(place.stack), _sources(place.stack, place.files)
    for member in members:
        if not isinstance(member, Reference) or set(member.names) & declared.get(member.service, frozenset()):
            continue
        service, name = member.service, member.names[0]
        near = probably_meant(name, place.environments[service], sources(service))
        if near is not None:
            print(f"note: {service} does not read {name}; did you mean {near}?", file=sys.stderr)


def rotate(request: Request, name: str) -> int:
    """Give a shared secret a new random value, in all its members."""
    place = _place(request)
    shared = place.stack.shared.get(name)
    if shared is None:
        known = place.stack.shared
        others = f"there are: {', '.join(known)}" if known else f"[shared.{name}] in stack.toml declares one"
        hint = did_you_mean(name, known, others)
        raise UsageError(f"There is no shared value `{name}`.", hint=hint)
    if not shared.secret:
        raise UsageError(
            f"`{name}` is not declared `secret = true`.", hint="`devstack env set` changes other values"
        )
    if is_issued(shared):
        raise RefusedError(
            f"`{name}` is issued by its provider; a random value would not be accepted.",
            hint=f"devstack env set {shared.members[0].text}",
        )
    draft = Draft(place.stack, place.environments, place.files)
    value = secrets.token_urlsafe(max(_STRONG_BYTES, shared.min_bytes or 0))
    steps = _write(draft, shared.members, value, "new random value")
    _carry_out(place, SyncPlan(changes=draft.changes(), steps=steps), must_ask=True)
    return int(ExitCode.OK)


def _place(request: Request) -> _Place:
    stack = load.load(load.find(request.folder))
    files = Files(stack.root)
    environments = resolve(stack, process=request.environment, files=files)
    return _Place(request=request, stack=stack, files=files, environments=environments)


def _members(stack: Stack, target: str) -> tuple[Member, ...]:
    """A shared group's members, or one reference with everything it is shared with."""
    if target in stack.shared:
        return stack.shared[target].members
    if ":" not in target:
        example = f"{target}:NAME" if target in stack.services else f"{next(iter(stack.services))}:{target}"
        raise UsageError(
            f"`{target}` is no shared value; a variable is written SERVICE:NAME.",
            hint=did_you_mean(target, stack.shared, f"for example {example}"),
        )
    try:
        wanted = reference.reference(target)
    except ValueError as problem:
        raise UsageError(str(problem)) from None
    if wanted.service not in stack.services:
        raise unknown_service(wanted.service, stack.services)
    for shared in stack.shared.values():
        for member in shared.members:
            if (
                isinstance(member, Reference)
                and member.service == wanted.service
                and wanted.name in member.names
            ):
                return shared.members
    return (wanted,)


def _write(draft: Draft, members: tuple[Member, ...], value: str, what: str) -> tuple[Step, ...]:
    """All members or none: a half-written group would be a mismatch."""
    steps = []
    for member in members:
        found = draft.effective(member)
        if found.text == value:
            continue
        place = place_for(draft.environments(), found)
        if isinstance(place, str):
            raise RefusedError(f"{member.text}: {place}; nothing was written.")
        written.write(draft, found, place, value)
        _verify(draft, member, value)
        steps.append(Step(path=place, what=what, names=(written.name_of(found),)))
    return tuple(steps)


def _verify(draft: Draft, member: Member, value: str) -> None:
    after: Effective = draft.effective(member)
    if after.text != value:
        raise RefusedError(
            f"{member.text} would still get another value; nothing was written.",
            hint=f"devstack env why {member.text}",
        )


def _carry_out(place: _Place, plan: SyncPlan, *, must_ask: bool) -> None:
    """Show the diff, get consent, write.

    Args:
        must_ask: real values are replaced, so somebody has to agree.
    """
    request = place.request
    style = detect(sys.stdout, request.environment)
    for change in plan.changes:
        _say(diff.render(place.shown(change.path), change.before, change.after, style) + "\n")
    if request.dry_run:
        return
    if not request.yes and request.ask is not None and not request.ask("Write this?"):
        raise RefusedError("nothing was written")
    if not request.yes and request.ask is None and must_ask:
        raise RefusedError("Nobody can be asked, so nothing was written.", hint="add --yes")
    edit.write(plan.changes)
    for change in plan.changes:
        _say(f"wrote {place.shown(change.path)}\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
