"""Agents that LangGraph's own development server runs: a folder with langgraph.json."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from devstack import foreign
from devstack.stack.detect import interpreters
from devstack.stack.detect.follow import STARTED
from devstack.stack.detect.model import Candidate, Detected, Evidence
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

_WHAT = "agent of `langgraph dev`"
NAME = "langgraph.json"
PORT = 2024
"""Where `langgraph dev` listens unless told otherwise."""


JAVASCRIPT = ("langgraphjs", "langgraph-cli", "langgraph")
"""Its program under the names that packages of JavaScript give it."""
HEALTH = "/ok"


def settle(tree: Tree, detected: Detected) -> None:
    """Of an application and an agent of one project: what is started; the agent where it serves the other."""
    for path in tree.named(NAME):
        here = [one for one in detected.services if (one.project or one.folder) == path.parent]
        agents = [one for one in here if _WHAT in one.evidence[0].what]
        applications = [one for one in here if one not in agents and one.kind is ServiceType.PYTHON]
        settings = foreign.from_json(tree.text(path))
        serves = settings.get("http") if isinstance(settings, dict) else None
        is_started = any(one.what.startswith(STARTED) for app in applications for one in app.evidence)
        if isinstance(serves, dict) and serves.get("app") and not is_started:
            unneeded, why = applications if agents else [], "`langgraph dev` serves it"
        else:
            unneeded, why = (
                agents if applications and not _is_called(tree, path.parent) else [],
                "nothing calls for it",
            )
        for one in unneeded:
            detected.services.remove(one)
            detected.notes.append(f"{one.name} left out: {why} ({one.evidence[0]})")


def _is_called(tree: Tree, folder: Path) -> bool:
    places = (folder, tree.root)
    names = ("README.md", "Makefile", "package.json")
    return any("langgraph dev" in tree.text(place / name) for place in places for name in names)


def find(tree: Tree) -> Iterator[Candidate]:
    """One candidate for each langgraph.json; Python agents only, others start by their package.json."""
    for path in tree.named(NAME):
        if (path.parent / "package.json").is_file():
            continue
        interpreter = interpreters.of(tree, path.parent)
        settings = foreign.from_json(tree.text(path))
        files = settings.get("env") if isinstance(settings, dict) else None
        yield Candidate(
            name="agent" if path.parent == tree.root else path.parent.name,
            kind=ServiceType.PYTHON,
            folder=path.parent,
            command=f"{interpreter.run}langgraph dev --no-browser --port {PORT}",
            port=PORT,
            health=HEALTH,
            setup=interpreter.setup,
            env_files=(files,) if isinstance(files, str) and files != ".env" else None,
            evidence=[Evidence(path=tree.shown(path), line=1, what=_WHAT)],
        )
