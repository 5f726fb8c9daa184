"""Edits env files without disturbing anything else: comments, order, quoting, line endings, mode stay.

A new value is written in the spelling nearest to the present one that *every* program that reads the file reads
as that value, while all other values stay: this is asked of the loaders, not assumed. Nothing is written when
there is no such spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from devstack.env import files_out
from devstack.env.dialect import Assignment, assignments, spellings
from devstack.env.edits import Edit
from devstack.env.files_out import FileChange
from devstack.env.model import Value
from devstack.errors import RefusedError, SystemProblem
from devstack.records import replace

__all__ = ["Edit", "FileChange", "Reader", "apply", "plan", "set_value", "write"]

write = files_out.write


class Reader(Protocol):
    """A program that reads the file."""

    @property
    def name(self) -> str:
        """As shown to people: `web (next@16)`."""
        ...

    def read(self, content: bytes) -> Mapping[str, Value]:
        """What the program makes of this content alone, with an empty process environment."""
        ...


ReadersOf = Callable[[Path], Sequence[Reader]]


def set_value(
    content: bytes, name: str, value: str, readers: Sequence[Reader], *, line: int | None = None
) -> bytes:
    """The content with `name` set to `value`.

    Args:
        content: the file's bytes; empty for a new file.
        readers: all programs that read the file; they must agree on the result.
        line: which of several definitions; by default the last one, as most programs take it.

    Raises:
        RefusedError: no spelling is read equally by all readers; or the file cannot be edited as text.
    """
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
        raise RefusedError(f"{name!r} is no name for a variable in an env file.")
    text = _text(content)
    before = [(reader, reader.read(content)) for reader in readers]
    nearest: list[str] | None = None
    for candidate in _rewritten(text, name, value, line):
        written = candidate.encode("utf-8", "surrogateescape")
        wrong = _disagreeing(written, name, value, before)
        if not wrong:
            return written
        nearest = wrong if nearest is None or len(wrong) < len(nearest) else nearest
    raise RefusedError(
        f"There is no spelling of this value of {name} that all programs read alike: {', '.join(nearest or [])} "
        "would get something else.",
        hint="choose a value of letters, digits, `-` and `_`, or give the programs separate files",
    )


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise RefusedError("The file is not UTF-8 text, so it is left alone.", hint="save it as UTF-8 first")
    return content.decode("utf-8", "surrogateescape")


def _disagreeing(
    written: bytes, name: str, value: str, before: Iterable[tuple[Reader, Mapping[str, Value]]]
) -> list[str]:
    """Readers that get another value, or for which a variable changes that does not refer to this one."""
    wrong = []
    for reader, old in before:
        new = reader.read(written)
        got = new.get(name)
        if got is None or got.unknown is not None or got.text != value or _disturbed(old, new, name):
            wrong.append(reader.name)
    return wrong


def _disturbed(old: Mapping[str, Value], new: Mapping[str, Value], name: str) -> bool:
    if new.keys() - {name} != old.keys() - {name}:
        return True
    changed = {
        other
        for other, value in old.items()
        if (value.text, value.unknown) != (new[other].text, new[other].unknown)
    }
    explained = {name}
    while following := {
        other for other in changed - explained if explained.intersection(new[other].references)
    }:
        explained |= following
    return bool(changed - explained)


def _rewritten(text: str, name: str, value: str, line: int | None) -> Iterator[str]:
    """Candidate texts, the one nearest to the present text first."""
    found = [entry for entry in assignments(text) if entry.name == name]
    defined = [entry for entry in found if not entry.commented and (line is None or entry.line == line)]
    for entry in reversed(defined):
        yield from _replaced(text, entry, value)
    if line is None and defined:
        yield from _completed(text, name, value)
    if not any(not entry.commented for entry in found):
        documented = next((entry for entry in found if entry.commented), None)
        yield from _inserted(text, name, value, documented)


def _replaced(text: str, entry: Assignment, value: str) -> Iterator[str]:
    written = text[entry.value_start : entry.value_end]
    comment = text[entry.value_end : entry.end].rstrip("\r\n")
    ending = text[entry.end - len(_ending(text[entry.start : entry.end])) : entry.end]
    if written == "" and comment.strip().startswith("#"):
        comment = " " + comment.lstrip()  # `NAME=  # note`: with a value the note needs its own space
    for spelt in spellings(value, entry.quote):
        yield text[: entry.value_start] + spelt + comment + ending + text[entry.end :]
    if comment.strip():
        for spelt in spellings(value, entry.quote):
            yield text[: entry.value_start] + spelt + ending + text[entry.end :]


def _completed(text: str, name: str, value: str) -> Iterator[str]:
    """A name alone on a line below gets the value: python-dotenv unsets with it what stands above."""
    alone = re.compile(rf"^[ \t]*(?:export[ \t]+)?{re.escape(name)}(?=[ \t\r]*$)", re.M)
    for found in list(alone.finditer(text))[-1:]:
        for spelt in spellings(value):
            yield f"{text[: found.end()]}={spelt}{text[found.end() :]}"


def _inserted(text: str, name: str, value: str, documented: Assignment | None) -> Iterator[str]:
    """A new line: below the commented one that documents the name, else at the end."""
    ending = _main_ending(text)
    at = len(text) if documented is None else documented.end
    head, tail = text[:at], text[at:]
    closed = not head or head == "\ufeff" or head.endswith(("\n", "\r"))
    last = ending if tail or closed else ""  # a file without a final newline keeps that
    for spelt in spellings(value):
        yield f"{head}{'' if closed else ending}{name}={spelt}{last}{tail}"


def _ending(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""


def _main_ending(text: str) -> str:
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def plan(edits: Iterable[Edit], root: Path, *, readers: ReadersOf | None = None) -> tuple[FileChange, ...]:
    """What the edits would write; several edits of one file become one change.

    Raises:
        RefusedError: an edit cannot be made safely; nothing is written then.
    """
    changes: dict[Path, FileChange] = {}
    for edit in _bottom_up(edits):
        path = files_out.target(root / edit.path)
        change = changes.get(path) or files_out.current(path)
        changes[path] = _edited(change, edit, readers(path) if readers is not None else ())
    return tuple(change for change in changes.values() if change.is_change)


def apply(edits: Iterable[Edit], root: Path, *, readers: ReadersOf | None = None) -> tuple[FileChange, ...]:
    """Plan and write; gives what was written, with the old contents for undoing."""
    changes = plan(edits, root, readers=readers)
    write(changes)
    return changes


def _bottom_up(edits: Iterable[Edit]) -> list[Edit]:
    """Edits that name a line come from the last line to the first, so that line numbers stay true."""
    listed = list(dict.fromkeys(edits))
    return sorted(listed, key=lambda edit: -edit.line if edit.line is not None else 0)


def _edited(change: FileChange, edit: Edit, readers: Sequence[Reader]) -> FileChange:
    if edit.kind == "chmod":
        return replace(change, mode=int(edit.value, 8))
    after = change.after if change.after is not None else b""
    if edit.kind == "create":
        if change.before is not None:
            raise RefusedError(f"{change.path.name} exists already and is not overwritten.")
        return replace(change, after=_encoded(edit.value))
    if edit.kind == "rewrite":
        return replace(change, after=_encoded(edit.value))
    if edit.kind == "append-line":
        return replace(change, after=_appended(after, edit.value))
    if edit.kind == "remove-line":
        return replace(change, after=_removed(after, edit, change.path))
    if edit.kind == "set" and edit.variable is not None:
        try:
            return replace(change, after=set_value(after, edit.variable, edit.value, readers, line=edit.line))
        except RefusedError as problem:
            raise RefusedError(f"{change.path.name}: {problem.message}", hint=problem.hint) from None
    raise RefusedError(f"{change.path.name}: no such change: {edit.kind}")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _appended(content: bytes, line: str) -> bytes:
    text = _text(content)
    ending = _main_ending(text)
    joint = "" if not text or text.endswith("\n") else ending
    return _encoded(text + joint + line.rstrip("\r\n") + ending)


def _removed(content: bytes, edit: Edit, path: Path) -> bytes:
    text = _text(content)
    for entry in assignments(text):
        if entry.line == edit.line and edit.variable in {None, entry.name}:
            return _encoded(text[: entry.start] + text[entry.end :])
    lines = text.splitlines(keepends=True)
    if edit.variable is not None or edit.line is None or not 0 < edit.line <= len(lines):
        raise SystemProblem(
            f"{path.name}: line {edit.line} is not what it was; look again with `devstack doctor`"
        )
    del lines[edit.line - 1]
    return _encoded("".join(lines))
