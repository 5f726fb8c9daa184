"""Agents that LangGraph's own development server runs: a folder with langgraph.json."""

from __future__ import annotations

from collections.abc import Iterator

from devstack import foreign
from devstack.stack.detect import python
from devstack.stack.detect.model import Candidate, Evidence
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

NAME = "langgraph.json"
PORT = 2024
"""Where `langgraph dev` listens unless told otherwise."""


def find(tree: Tree) -> Iterator[Candidate]:
    """One candidate for each langgraph.json; Python agents only, others start by their package.json."""
    for path in tree.named(NAME):
        if (path.parent / "package.json").is_file():
            continue
        settings = foreign.from_json(tree.text(path))
        files = settings.get("env") if isinstance(settings, dict) else None
        yield Candidate(
            name="agent" if path.parent == tree.root else path.parent.name,
            kind=ServiceType.PYTHON,
            folder=path.parent,
            command=f"{python.program(tree, path.parent, 'langgraph')} dev --no-browser --port {PORT}",
            port=PORT,
            health="/ok",
            setup=python.setup(tree, path.parent),
            env_files=(files,) if isinstance(files, str) and files != ".env" else None,
            evidence=[Evidence(path=tree.shown(path), line=1, what="agent of `langgraph dev`")],
        )
