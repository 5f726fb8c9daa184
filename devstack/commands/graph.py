"""`devstack graph`: dependencies and contract as text, Mermaid or Graphviz."""

from __future__ import annotations

from pathlib import Path

from devstack.errors import ExitCode


def graph(folder: Path, format_: str) -> int:
    """Print the picture of the stack of `folder`."""
    from devstack.stack import drawing
    from devstack.stack.load import find, load

    draw = {"text": drawing.text, "mermaid": drawing.mermaid, "dot": drawing.dot}[format_]
    print(draw(load(find(folder))), end="")
    return int(ExitCode.OK)
