"""Paths that source code puts together from literals and from where the module itself lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from posixpath import normpath
from typing import TYPE_CHECKING

from devstack.records import dataclass

if TYPE_CHECKING:
    from tree_sitter import Node

    from devstack.env.source.syntax import Module

MOST = 12  # expressions that one path is followed through


@dataclass(frozen=True, slots=True)
class Place:
    """A path; `beside`: relative to the folder of the module, else to where the program runs, or absolute."""

    text: str
    beside: bool = False

    def parent(self) -> Place:
        """The folder around it."""
        return Place(normpath(f"{self.text}/.."), self.beside)


FOLDER = Place(".", True)
MODULE = Place("<module>", True)
"""The file itself; no name of a file on any system, and gone as soon as its folder is asked for."""
CURRENT = Place(".")


def found_once(
    module: Module, node: Node | None, depth: int, put_together: Callable[[Module, Node, int], Place | None]
) -> Place | None:
    """What `put_together` makes of an expression; None where it depends on anything else, or leads in a circle."""
    if node is None or depth > MOST:
        return None
    key = (node.start_byte, node.end_byte)
    if key not in module.places:
        module.places[key] = None  # where a circle leads
        module.places[key] = put_together(module, node, depth)
    return module.places[key]


def joined(parts: Sequence[Place | None]) -> Place | None:
    """The parts one behind the other; an absolute one begins anew. None where one is not known."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    start = max(at for at, part in enumerate(known) if not at or part.beside or part.text.startswith("/"))
    if start == len(known) - 1:
        return known[start]
    return Place(normpath("/".join(part.text for part in known[start:])), known[start].beside)


def concatenated(parts: Sequence[Place | None]) -> Place | None:
    """The texts without anything between them: `__dirname + "/.env"`; None where that changes a folder's name."""
    known = [part for part in parts if part is not None and part.text]
    if not known or None in parts or any(part.beside for part in known[1:]):
        return None
    first, rest = known[0], "".join(part.text for part in known[1:])
    if not rest or not (first.beside or first == CURRENT):
        return Place(first.text + rest, first.beside)
    return Place(normpath(f"{first.text}{rest}"), first.beside) if rest.startswith("/") else None
