"""Where a repository says how it is started: Makefile, justfile, Taskfile, shell scripts, README. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack import foreign
from devstack.records import dataclass
from devstack.stack.detect.tree import Tree, line_of

MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
JUSTFILES = ("justfile", "Justfile", ".justfile")
TASKFILES = ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml")
_TARGET = re.compile(r"^@?([A-Za-z0-9][\w.-]*)[^:=\n]*:(?!=)([^=\n]*)\n((?:[ \t]+.*\n?|\n)*)", re.MULTILINE)
_VARIABLE = re.compile(r"^([A-Za-z_]\w*)[ \t]*(?::|\?|::)?=[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_USE = re.compile(r"\$[({](\w+)[)}]|\{\{\s*(\w+)\s*\}\}")
_READMES = ("README.md", "CONTRIBUTING.md", "DEVELOPMENT.md")
_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?:ba|z)?(?:sh|shell|console|terminal)?[ \t]*\n(.*?)^[ \t]*```", re.M | re.S
)
FOR_DEVELOPMENT = re.compile(
    r"(?:dev|develop|run|start|serve|watch|backend|frontend|server|api|agent)(?:[_-].*)?|.*[_-](?:dev|run)"
)
_NOT_FOR_IT = re.compile(r"docker|prod|test|deploy|build|install|k8s|stop|lint|ci\b|daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Commands under one name. `needs`: further recipes that run with it; `folder`: where they start, absolute."""

    name: str
    path: Path
    line: int
    folder: Path
    commands: tuple[str, ...]
    needs: tuple[str, ...] = ()


def make(tree: Tree, folder: Path) -> dict[str, Recipe]:
    """The recipes of a folder's Makefile, justfile or Taskfile, by name."""
    for name in (*MAKEFILES, *JUSTFILES):
        if (folder / name).is_file():
            return {one.name: one for one in _targets(tree, folder / name)}
    for name in TASKFILES:
        if (folder / name).is_file():
            return {one.name: one for one in _tasks(tree, folder / name)}
    return {}


def for_development(recipes: Mapping[str, Recipe]) -> Iterator[Recipe]:
    """Those that start something on a developer's machine, the plainest name first."""
    names = [name for name in recipes if FOR_DEVELOPMENT.fullmatch(name) and not _NOT_FOR_IT.search(name)]
    order = ("dev", "run", "start", "serve")
    for name in sorted(names, key=lambda name: order.index(name) if name in order else len(order)):
        yield recipes[name]


def shell(tree: Tree, path: Path) -> Recipe:
    """A shell script's lines; it runs above its folder where it changes there by itself or to what is only there."""
    text = tree.text(path)
    lines = tuple(_lines(text))
    is_from_above = re.search(r"""cd ["']?\$[({](?:dirname|BASH_SOURCE).*?\.\.""", text) is not None
    folder = path.parent.parent if is_from_above else path.parent
    first = re.search(r"^[ \t]*cd +([\w./-]+)[ \t]*(?:$|&&|;)", text, re.MULTILINE)
    if first is not None and not (folder / first[1]).is_dir() and (tree.root / first[1]).is_dir():
        folder = tree.root
    return Recipe(name=path.name, path=path, line=1, folder=folder, commands=lines)


def scripts(tree: Tree) -> Iterator[Path]:
    """Shell scripts that are named as if they start something here."""
    for path in tree.files:
        name, is_near = path.stem.lower(), len(path.relative_to(tree.root).parts) <= 3
        is_meant = FOR_DEVELOPMENT.fullmatch(name) and not _NOT_FOR_IT.search(name)
        if path.suffix == ".sh" and is_near and is_meant:
            yield path


def readme(tree: Tree, folder: Path) -> Iterator[Recipe]:
    """The shell blocks of a folder's README and its like, which people copy line by line."""
    for name in _READMES:
        path = folder / name
        text = tree.text(path)
        for block in _FENCE.finditer(text):
            lines = tuple(line.removeprefix("$ ") for line in _lines(block[1]))
            line = line_of(text, block.start(1))
            yield Recipe(name=name, path=path, line=line, folder=folder, commands=lines)


def _targets(tree: Tree, path: Path) -> Iterator[Recipe]:
    text = tree.text(path).replace("\\\n", " ")
    variables = {match[1]: match[2].strip("\"'") for match in _VARIABLE.finditer(text)}
    for match in _TARGET.finditer(text):
        lines = tuple(_expanded(line.lstrip("@-+ \t"), variables) for line in _lines(match[3]))
        needs = tuple(one.strip("()") for one in match[2].partition("#")[0].split())
        yield Recipe(
            name=match[1],
            path=path,
            line=line_of(text, match.start()),
            folder=path.parent,
            commands=lines,
            needs=needs,
        )


def _tasks(tree: Tree, path: Path) -> Iterator[Recipe]:
    text = tree.text(path)
    try:
        data = foreign.from_yaml(text)
    except ValueError:
        return
    tasks = data.get("tasks") if isinstance(data, dict) else None
    for name, body in tasks.items() if isinstance(tasks, dict) else ():
        body = body if isinstance(body, dict) else {"cmds": body}
        commands = body.get("cmds") or body.get("cmd") or ()
        listed = commands if isinstance(commands, list) else [commands]
        texts = [
            one.get("cmd") or f"task {one.get('task', '')}" if isinstance(one, dict) else one
            for one in listed
        ]
        match = re.search(rf"^\s+['\"]?{re.escape(str(name))}['\"]?\s*:", text, re.MULTILINE)
        needs = body.get("deps")
        yield Recipe(
            name=str(name),
            path=path,
            line=1 if match is None else line_of(text, match.end()),
            folder=path.parent / str(body.get("dir") or ""),
            commands=tuple(one for one in texts if isinstance(one, str)),
            needs=tuple(one for one in needs if isinstance(one, str)) if isinstance(needs, list) else (),
        )


def _expanded(text: str, variables: Mapping[str, str], depth: int = 3) -> str:
    """With the values of a Makefile's variables; `$(MAKE)` is make."""
    known = {"MAKE": "make", **variables}
    replaced = _USE.sub(lambda match: known.get(match[1] or match[2], match[0]), text).replace("$$", "$")
    return replaced if replaced == text or depth == 0 else _expanded(replaced, variables, depth - 1)


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        plain = line.strip()
        if plain and not plain.startswith("#"):
            yield plain
