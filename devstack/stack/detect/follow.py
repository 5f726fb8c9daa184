"""What the repository's own way to start it runs in the end: scripts, workspaces, make and shell scripts followed."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from devstack.records import dataclass, replace
from devstack.stack import package, scripts
from devstack.stack.detect import parallel, recipes
from devstack.stack.detect.model import Evidence
from devstack.stack.detect.tree import Tree

STARTED = "started by "
"""How the evidence of a command begins that the repository itself says."""
_OF_ALL = ("dev:all", "start:all", "dev:full")  # beside a script `dev` that starts less
_DEEPEST = 8
_MANY = 64
_PRIVATE = re.compile(r"(?i)secret|token|passw|key|auth|credential|dsn|ur[il]$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHELLS = {"sh", "bash", "zsh"}
_BEFORE = {"exec", "time", "nohup", "sudo", "command"}
_PLACES = {"--prefix", "-C", "--cwd", "--dir", "--directory"}
_EACH = {"-r", "--recursive", "--workspaces", "--ws", "workspaces", "foreach"}
_DEPENDENTS = re.compile(r"^\.\.\.|\.\.\.$|\^")
_TASKS = {"turbo", "nx", "lerna"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A program that is started.

    Attributes:
        folder: where, absolute.
        words: with wrappers and runners, without assignments.
        settings: the assignments before it, as written.
        evidence: the line that says it.
        name: what the one who starts it calls it, "" for nothing.
        script: the package (its folder) and the script that it is the last of.
        is_beside: it is one of several that one line starts, not one package of a workspace among others.
    """

    folder: Path
    words: tuple[str, ...]
    evidence: Evidence
    settings: tuple[str, ...] = ()
    name: str = ""
    script: tuple[Path, str] | None = None
    is_beside: bool = False

    @property
    def shown(self) -> tuple[str, ...]:
        """The assignments that may be written once more: those of no secret."""
        return tuple(one for one in self.settings if not _PRIVATE.search(one.partition("=")[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A simple command; `separator` stands between it and the next one."""

    words: tuple[str, ...]
    settings: tuple[str, ...]
    separator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the follower is.

    Attributes:
        is_workspace: in one of the packages that a task runner starts; what that starts is its own business.
        seen: the names on the way, so that nothing is followed in circles.
    """

    folder: Path
    evidence: Evidence
    name: str = ""
    script: tuple[Path, str] | None = None
    is_beside: bool = False
    is_workspace: bool = False
    seen: tuple[str, ...] = ()


class Follower:
    """Follows commands through the files of one repository."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._packages = [
            found for path in tree.named("package.json") if (found := package.read(path.parent)) is not None
        ]

    def main(self) -> tuple[Evidence | None, list[Leaf]]:
        """Which script for development the root has, else which recipe, and what that starts."""
        own = package.read(self._tree.root)
        for name in (*_OF_ALL, *parallel.MAIN_SCRIPTS) if own is not None else ():
            if own is not None and name in own.scripts:
                place = self._at(own.path, own.lines.get(name, 1), name)
                return place.evidence, list(self._script(own, name, place))
        for recipe in recipes.for_development(recipes.make(self._tree, self._tree.root)):
            return self._at(recipe.path, recipe.line, recipe.name).evidence, list(self.recipe(recipe))
        return None, []

    def recipe(self, recipe: recipes.Recipe, place: _Place | None = None) -> Iterator[Leaf]:
        """What its commands start, those of the recipes that it needs first."""
        here = place or self._at(recipe.path, recipe.line, recipe.name)
        key = f"{recipe.path}:{recipe.name}"
        if key in here.seen or len(here.seen) > _DEEPEST:
            return
        here = replace(here, folder=recipe.folder, seen=(*here.seen, key))
        known = recipes.make(self._tree, recipe.path.parent) if recipe.needs else {}
        for need in recipe.needs:
            if need in known:
                yield from self.recipe(known[need], replace(here, is_beside=True))
        folder: Path | None = None
        is_make = recipe.path.name in recipes.MAKEFILES
        for command in recipe.commands:
            start = recipe.folder if is_make or folder is None else folder
            yield from self.command(command, replace(here, folder=start))
            folder = _changed(command, start)

    def command(self, text: str, place: _Place) -> Iterator[Leaf]:
        """What `text` starts."""
        found = list(_simple(text))
        is_beside = place.is_beside or any(one.separator == "&" for one in found)
        folder = place.folder
        for one in found:
            words = one.words
            if words[0] in ("cd", "pushd"):
                folder = _normal(folder, words[1]) if len(words) == 2 else folder
            elif folder.is_relative_to(self._tree.root):
                yield from self._one(one, replace(place, folder=folder, is_beside=is_beside))

    def _one(self, command: _Command, place: _Place) -> Iterator[Leaf]:
        words = command.words
        tool = scripts.tool(words)
        program = tool[0] if tool else ""
        if program in ("concurrently", "conc", *parallel.BY_NAME):
            yield from self._beside(tool, place)
        elif program in _TASKS:
            yield from self._each(*_asked(tool), place)
        elif words[0] in ("make", "just", "task"):
            yield from self._recipes(words[1:], place)
        elif words[0] in package.MANAGERS and (found := self._scripts(words, place)):
            for own, name in found:
                yield from self._script(
                    own, name, replace(place, is_workspace=place.is_workspace or len(found) > 1)
                )
        elif (path := _shell_script(words, place.folder)) is not None:
            yield from self.recipe(recipes.shell(self._tree, path), place)
        else:
            yield Leaf(
                folder=place.folder,
                words=words,
                settings=command.settings,
                evidence=place.evidence,
                name=place.name,
                script=place.script,
                is_beside=place.is_beside and not place.is_workspace,
            )

    def _beside(self, tool: tuple[str, ...], place: _Place) -> Iterator[Leaf]:
        own = package.read(place.folder)
        which = package.manager(place.folder, self._tree.root)
        for part in parallel.started(own, place.script[1] if place.script else "", tool, which):
            yield from self.command(part.command, replace(place, name=part.name, is_beside=True))

    def _script(self, own: package.Package, name: str, place: _Place) -> Iterator[Leaf]:
        key = f"{own.path}:{name}"
        if key in place.seen or len(place.seen) > _DEEPEST:
            return
        evidence = self._at(own.path, own.lines.get(name, 1), name).evidence
        here = replace(
            place,
            folder=own.path.parent,
            evidence=evidence,
            script=(own.path.parent, name),
            seen=(*place.seen, key),
        )
        yield from self.command(own.scripts[name], here)

    def _scripts(self, words: tuple[str, ...], place: _Place) -> list[tuple[package.Package, str]]:
        """The packages and the script that a package manager is told to run; none where it does something else."""
        folder, filters, rest, is_each = place.folder, [], [], False
        given = iter(words[1:])
        for word in given:
            flag, equals, value = word.partition("=")
            if flag in _PLACES:
                folder = _normal(folder, value if equals else next(given, "."))
            elif (
                flag in ("--filter", "-F", "--workspace")
                or (flag == "-w" and words[0] == "npm")
                or flag == "workspace"
            ):
                filters.append(value if equals else next(given, ""))
            elif word in _EACH:
                is_each = True
            elif not word.startswith("-"):
                rest.append(word)
        name = next((word for word in rest if word not in ("run", "run-script")), "")
        if filters or is_each:
            return list(self._having(name, filters))
        own = package.read(folder)
        if words[0] == "npm" and "run" not in rest and name not in ("start", "test"):
            return []
        return [(own, name)] if own is not None and name in own.scripts else []

    def _having(self, name: str, filters: Iterable[str]) -> Iterator[tuple[package.Package, str]]:
        """Packages with a script `name` that one of `filters` selects; all of them without a filter."""
        wanted = [plain for one in filters for plain in _alternatives(_DEPENDENTS.sub("", one))]
        for own in self._packages[:_MANY]:
            names = (
                own.name,
                own.name.rpartition("/")[2],
                self._tree.shown(own.path.parent),
                own.path.parent.name,
            )
            is_wanted = not wanted or any(_is_like(one, names) for one in wanted)
            if name in own.scripts and is_wanted and own.path.parent != self._tree.root:
                yield own, name

    def _each(self, names: list[str], filters: list[str], place: _Place) -> Iterator[Leaf]:
        for name in names:
            for own, script in self._having(name, filters):
                yield from self._script(own, script, replace(place, name="", is_workspace=True))

    def _recipes(self, words: tuple[str, ...], place: _Place) -> Iterator[Leaf]:
        folder, names = place.folder, []
        given = iter(words)
        for word in given:
            if word in ("-C", "-d", "--directory", "--dir"):
                folder = _normal(folder, next(given, "."))
            elif not word.startswith("-") and "=" not in word:
                names.append(word)
        known = recipes.make(self._tree, folder)
        for name in names:
            if name in known:
                recipe = known[name]
                evidence = self._at(recipe.path, recipe.line, name).evidence
                is_beside = place.is_beside or len(names) > 1
                yield from self.recipe(
                    recipe, replace(place, evidence=evidence, name=name, is_beside=is_beside)
                )

    def _at(self, path: Path, line: int, name: str) -> _Place:
        evidence = Evidence(path=self._tree.shown(path), line=line, what=f"{STARTED}`{name}`")
        return _Place(folder=path.parent, evidence=evidence, name=name)


def _simple(text: str) -> Iterator[_Command]:
    """The simple commands of a line, without what is written to files; nothing where it is broken."""
    reader = shlex.shlex(text, posix=True, punctuation_chars="&;|()<>")
    reader.whitespace_split, reader.commenters = True, "#"
    try:
        tokens = list(reader)
    except ValueError:
        return
    words: list[str] = []
    is_file = False
    for token in (*tokens, ";"):
        if not token or set(token) - set("&;|()<>"):
            words += [] if is_file else [token]
        elif set(token) & set("<>"):
            is_file = True
            continue
        else:
            settings = list(
                itertools.takewhile(lambda word: word in _BEFORE or _ASSIGNMENT.match(word), words)
            )
            if words[len(settings) :]:
                plain = tuple(one for one in settings if one not in _BEFORE and "$" not in one)
                yield _Command(words=tuple(words[len(settings) :]), settings=plain, separator=token)
            words = []
        is_file = False


def _changed(command: str, folder: Path) -> Path:
    """Where a shell stands after `command`."""
    for one in _simple(command):
        if one.words[0] == "cd" and len(one.words) == 2:
            folder = _normal(folder, one.words[1])
    return folder


def _asked(tool: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The tasks and the packages of `turbo run dev --filter=web`, `nx run-many -t dev`, `nx dev web`."""
    names: list[str] = []
    filters: list[str] = []
    given = iter(tool[1:])
    for word in given:
        flag, equals, value = word.partition("=")
        if flag in ("--filter", "-F", "--scope", "-p", "--projects"):
            filters += re.split(r",(?![^{]*\})", value if equals else next(given, ""))
        elif flag in ("-t", "--target", "--targets"):
            names += (value if equals else next(given, "")).split(",")
        elif not word.startswith("-") and word not in ("run", "run-many", "watch"):
            names.append(word)
    if tool[0] == "nx" and not filters and names:
        task, _, project = (
            ":".join(reversed(names[0].split(":"))) if ":" in names[0] else " ".join(names)
        ).partition(":" if ":" in names[0] else " ")
        return [task], [project] if project else []
    return names, filters


def _shell_script(words: tuple[str, ...], folder: Path) -> Path | None:
    path = folder / (words[1] if words[0] in _SHELLS and len(words) > 1 else words[0])
    return path if path.suffix == ".sh" and path.is_file() else None


def _alternatives(pattern: str) -> list[str]:
    """`@acme/{api,web}` as two patterns; `{./apps/web}` as a folder."""
    match = re.fullmatch(r"(.*)\{([^{}]*)\}(.*)", pattern)
    inner = match[2].split(",") if match else []
    return (
        [f"{match[1]}{one}{match[3]}".removeprefix("./") for one in inner]
        if match
        else [pattern.removeprefix("./")]
    )


def _is_like(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _normal(folder: Path, name: str) -> Path:
    return Path(os.path.normpath(folder / name))
