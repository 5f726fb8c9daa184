"""Which Python runs a folder's programs, and how the folder's packages get there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from devstack.records import dataclass
from devstack.stack.detect.tree import Tree

Setup = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Command, inputs, what it creates."""

# Tools that keep the environment themselves: file that only they write, table of pyproject.toml, how they are called.
_MANAGERS = (
    ("uv", "uv.lock", "tool.uv", "uv sync", (".venv",)),
    ("poetry", "poetry.lock", "tool.poetry", "poetry install", ()),
    ("pdm", "pdm.lock", "tool.pdm", "pdm install", (".venv",)),
    ("pipenv", "Pipfile", "", "pipenv install --dev", ()),
    ("hatch", "hatch.toml", "tool.hatch.envs", "hatch env create", ()),
)
_TOLD_IN = ("README.md", "Makefile", "justfile", "Justfile", "Taskfile.yml", "taskfile.yaml", "Dockerfile")
_CALLED = re.compile(r"\b(uv|poetry|pdm|pipenv|hatch) (?:run|sync|install)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """`python` and `run` are written before what they run; `setup` is None where nothing says what to install."""

    python: str
    run: str
    setup: Setup | None = None


def of(tree: Tree, folder: Path, entry: Path | None = None) -> Interpreter:
    """By the nearest folder upward that says it, else by the one in which the program `entry` stands."""
    for place, prefix in tree.upward(folder):
        for name, lockfile, table, command, creates in _MANAGERS:
            is_named = _has_table(tree, place, table) or _is_told(tree, place, name)
            if (place / lockfile).is_file() or is_named:
                given = lockfile if (place / lockfile).is_file() else "pyproject.toml"
                setup = (command, (f"{prefix}{given}",), tuple(f"{prefix}{one}" for one in creates))
                return Interpreter(python=f"{name} run python", run=f"{name} run ", setup=setup)
        found = _of_workspace(tree, place, prefix) or _environment(tree, place, prefix)
        if found is not None:
            return found
    if entry is not None and (entry.parent / "requirements.txt").is_file():
        return _made("", f"{entry.parent.relative_to(folder).as_posix()}/requirements.txt")
    return Interpreter(python="python3", run="")


def _of_workspace(tree: Tree, place: Path, prefix: str) -> Interpreter | None:
    """A project of a uv workspace, whose lockfile and environment lie above; or one that only uv can install."""
    if not _has_table(tree, place, "project") or (place / "requirements.txt").is_file():
        return None
    locked = (up for above, up in tree.upward(place) if above != place and (above / "uv.lock").is_file())
    up = next(locked, None)
    if up is None and (_has_table(tree, place, "build-system") or _there(place)):
        return None  # pip builds and installs it
    given = f"{prefix}pyproject.toml" if up is None else f"{prefix}{up}uv.lock"
    setup = ("uv sync", (given,), (f"{prefix}{up or ''}.venv",))
    return Interpreter(python="uv run python", run="uv run ", setup=setup)


def _there(place: Path) -> str:
    """The virtual environment that somebody has made already, "" for none."""
    return next((name for name in (".venv", "venv") if (place / name).is_dir()), "")


def _environment(tree: Tree, place: Path, prefix: str) -> Interpreter | None:
    """A virtual environment that is there, or the one to make where something says what to install."""
    there = _there(place)
    python = f"{prefix}{there or '.venv'}/bin/python"
    known = Interpreter(python=python, run=python.removesuffix("python"))
    has_list = (place / "requirements.txt").is_file()
    if not has_list and not any(_has_table(tree, place, name) for name in ("project", "build-system")):
        return known if there else None
    if there == "venv":
        return known
    return _made(prefix, f"{prefix}requirements.txt" if has_list else f"{prefix}pyproject.toml")


def _made(prefix: str, file: str) -> Interpreter:
    """A virtual environment that is made for what `file` lists."""
    python = f"{prefix}.venv/bin/python"
    what = f"-r {file}" if file.endswith(".txt") else f"-e {prefix or '.'}".rstrip("/")
    install = f"python3 -m venv {prefix}.venv && {python} -m pip install {what}"
    setup = (install, (file,), (f"{prefix}.venv",))
    return Interpreter(python=python, run=python.removesuffix("python"), setup=setup)


def _has_table(tree: Tree, place: Path, table: str) -> bool:
    text = tree.text(place / "pyproject.toml") if table else ""
    return re.search(rf"^\[+{re.escape(table)}[.\]]", text, re.MULTILINE) is not None


def _is_told(tree: Tree, place: Path, name: str) -> bool:
    """Whether a project without lockfile is used with `name`, as most of its texts say."""
    if not (place / "pyproject.toml").is_file() or (place / "requirements.txt").is_file():
        return False
    called = list(_mentions(tree, place))
    return bool(called) and max(sorted(set(called)), key=called.count) == name


def _mentions(tree: Tree, place: Path) -> Iterator[str]:
    for file in _TOLD_IN:
        yield from _CALLED.findall(tree.text(place / file))
