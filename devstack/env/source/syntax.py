"""What both languages need of tree-sitter: parsers made once, nodes by position, a module's findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from re import Pattern

from tree_sitter import Language, Node, Parser

from devstack.env.source.model import DotenvCall, Fallback, SettingsClass, SourceRead, UrlLiteral
from devstack.env.source.paths import Place
from devstack.records import dataclass, field

_HIGHEST = 48  # levels upward that can say anything about a read
_MOST = 600  # occurrences of a word in one module; beyond that it is generated data


@cache
def parser(grammar: str) -> Parser:
    """The parser for `javascript`, `typescript`, `tsx` or `python`."""
    if grammar == "python":
        import tree_sitter_python

        return Parser(Language(tree_sitter_python.language()))
    if grammar == "javascript":
        import tree_sitter_javascript

        return Parser(Language(tree_sitter_javascript.language()))
    import tree_sitter_typescript

    if grammar == "tsx":
        return Parser(Language(tree_sitter_typescript.language_tsx()))
    return Parser(Language(tree_sitter_typescript.language_typescript()))


@dataclass(slots=True, kw_only=True)
class Alternative:
    """What the code goes on with when a read gives nothing."""

    literal: str | None = None
    operator: Fallback | None = None
    names: tuple[str, ...] = ()
    computed: bool = False


@dataclass(slots=True)
class Module:
    """One source file under analysis, and what was found in it."""

    path: str
    source: bytes
    root: Node
    reads: list[SourceRead] = field(default_factory=list)
    server_reads: set[int] = field(
        default_factory=set
    )  # indexes of reads that a bundler strips from the client
    dotenv_calls: list[DotenvCall] = field(default_factory=list)
    urls: list[UrlLiteral] = field(default_factory=list)
    settings: list[SettingsClass] = field(default_factory=list)
    fallback_starts: set[int] = field(default_factory=set)
    server_urls: set[int] = field(default_factory=set)  # likewise of URLs
    server_until: int = 0  # where the part ends that only the server runs: the frontmatter of Astro
    server_functions: tuple[bytes, ...] = ()
    seen: set[tuple[int, str | None]] = field(default_factory=set)
    places: dict[tuple[int, int], Place | None] = field(
        default_factory=dict
    )  # by the bytes of their expression

    def text(self, node: Node) -> str:
        """The node's source text."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def at(self, start: int, end: int) -> Node | None:
        """The smallest node that covers the bytes."""
        return self.root.descendant_for_byte_range(start, end)

    def matches(self, pattern: Pattern[bytes], group: int | str = 0) -> Iterator[Node]:
        """The smallest node around each match of the pattern, comments and string texts included."""
        for found in islice(pattern.finditer(self.source), _MOST):
            node = self.at(found.start(group), found.end(group))
            if node is not None:
                yield node

    def add(
        self,
        node: Node,
        name: str | None,
        form: str,
        *,
        alternative: Alternative | None = None,
        subscript: bool = False,
    ) -> None:
        """Record a read at the node, once."""
        if (node.start_byte, name) in self.seen:
            return
        self.seen.add((node.start_byte, name))
        if self.is_stripped(node):
            self.server_reads.add(len(self.reads))
        other = alternative or Alternative()
        self.reads.append(
            SourceRead(
                name=name,
                path=self.path,
                line=node.start_point[0] + 1,
                column=node.start_point[1],
                form=form,
                fallback=other.literal,
                operator=other.operator,
                otherwise=other.names,
                subscript=subscript,
                computed_fallback=other.computed,
            )
        )

    def is_stripped(self, node: Node) -> bool:
        """Whether a bundler takes the node out of what the browser gets."""
        if node.start_byte < self.server_until:
            return True
        for above in ancestors(node) if self.server_functions else ():
            named = above.child_by_field_name("name")
            if above.type not in {"function_declaration", "variable_declarator"} or named is None:
                continue
            if self.source[named.start_byte : named.end_byte] in self.server_functions:
                return True
        return False


def ancestors(node: Node) -> Iterator[Node]:
    """The node's parents, nearest first; not endlessly, because finding a parent costs more the deeper it is."""
    current = node.parent
    for _ in range(_HIGHEST):
        if current is None:
            return
        yield current
        current = current.parent


def calls_of(names: set[str]) -> Iterator[Pattern[bytes]]:
    """Patterns for calls of these functions; group 1 is the name."""
    for name in sorted(names):
        yield re.compile(rb"\b(" + re.escape(name.encode()) + rb")\s*(?:<[^<>()]{0,80}>\s*)?\(")
