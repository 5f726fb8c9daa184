"""Which folder a page server serves, and which configuration it reads, as its command line says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from devstack.patterns import regex
from devstack.records import dataclass
from devstack.stack import package, scripts, shell_words, workspaces
from devstack.stack.launch import Pages
from devstack.stack.model import ServiceType

# Options that take the next word, so that it is no positional argument.
_VALUED = {
    ServiceType.VITE: regex(
        "-[cdflm]|--(?:base|config|configLoader|debug|filter|host|logLevel|mode|open|port)"
    ),
    ServiceType.NEXT: regex("-[pH]|--(?:port|hostname|experimental-(?:upload-trace|https-(?:key|cert|ca)))"),
}
_SEPARATORS = regex(r"&&|\|\||;|(?<!&)&(?!&)")
_DEEPEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One simple command of a command text. `folder`: where it runs (after `cd X &&`), None where that is unknown."""

    words: tuple[str, ...]
    text: str
    folder: Path | None


def steps(text: str, folder: Path) -> Iterator[Step]:
    """The simple commands of `text`, started in `folder`, in order; those that only a shell can read are left out."""
    here: Path | None = folder
    for piece in _SEPARATORS.split(text):
        words = shell_words.read(piece).words
        if words:
            yield Step(words=words, text=piece, folder=here)
        elif piece.split()[:1] in (["cd"], ["pushd"]):
            here = _entered(here, piece)


def find(kind: ServiceType, text: str, folder: Path) -> Pages:
    """What the page server of `kind` that `text` starts in `folder` works on; that folder where it cannot be told."""
    return _find(kind, text, folder, _DEEPEST) or Pages(cwd=folder)


def _find(kind: ServiceType, text: str, folder: Path, depth: int) -> Pages | None:
    for step in steps(text, folder):
        if step.folder is None or depth == 0:
            return None
        words = scripts.tool(step.words)
        if words[:1] == (scripts.PAGE_SERVERS[kind].program,):
            return _told(kind, words[1:], step.folder)
        script = behind(step.words, step.folder)
        found = None if script is None else _find(kind, script.text, script.path.parent, depth - 1)
        if found is not None:
            return found
    return None


def behind(words: tuple[str, ...], folder: Path) -> scripts.Script | None:
    """The package.json script that `words` run from `folder`, also one of another folder or workspace package."""
    return scripts.behind(*elsewhere(words, folder))


def elsewhere(words: tuple[str, ...], folder: Path) -> tuple[tuple[str, ...], package.Package | None]:
    """`npm --prefix web run dev` as `npm run dev`, with the package of `web`; likewise packages of a workspace."""
    if not words or words[0] not in package.MANAGERS:
        return words, package.read(folder)
    for index, word in enumerate(words[:-1]):
        if word in ("--prefix", "-C", "--cwd", "--dir"):
            return (*words[:index], *words[index + 2 :]), package.read(_normal(folder / words[index + 1]))
    found = workspaces.chosen(words, folder)
    return (words, package.read(folder)) if found is None else (found[0], package.read(found[1]))


def _told(kind: ServiceType, arguments: tuple[str, ...], cwd: Path) -> Pages:
    positional: list[str] = []
    config: str | None = None
    rest = iter(arguments)
    for word in rest:
        name, equals, value = word.partition("=")
        if _VALUED[kind].fullmatch(name):
            value = value if equals else next(rest, "")
            config = value if name in ("-c", "--config") else config
        elif not word.startswith("-"):
            positional.append(word)
    if positional and positional[0] in scripts.PAGE_SERVERS[kind].subcommands:
        del positional[0]
    return Pages(
        cwd=cwd,
        root=_normal(cwd / positional[0]) if positional and "$" not in positional[0] else None,
        config=_normal(cwd / config) if config else None,
    )


def _entered(folder: Path | None, piece: str) -> Path | None:
    """Where `cd X` leads from `folder`; None where only a shell can tell."""
    import shlex

    words = shlex.split(piece)[1:] if piece.count("'") % 2 == piece.count('"') % 2 == 0 else []
    plain = [word for word in words if word != "--"]
    if folder is None or len(plain) != 1 or plain[0].startswith(("-", "~")) or "$" in plain[0]:
        return None
    return _normal(folder / plain[0])


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))  # as a shell does: `..` takes the last name away
