"""From definitions and what a program made of them to values with provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from devstack.env.loaders import ecmascript
from devstack.env.loaders.definitions import Definition, ParsedFile
from devstack.env.model import LayerKind, Origin, Shadow, Value, Variables

_LONGEST_CHAIN = 100  # definitions of one name that are kept; nobody reads more


class Found(Mapping[str, Definition]):
    """The winning definition of each name, and behind it all others; names in the order of the files' text."""

    def __init__(self, files: Iterable[ParsedFile] = ()) -> None:
        """Take `files` from the strongest to the weakest."""
        self._files = [(file.path, file.definitions, file.last()) for file in files]
        self._first: dict[str, Definition] = {}
        for _, _, last in reversed(self._files):
            self._first.update(last)
        if len(self._files) > 1:
            names = dict.fromkeys(name for _, _, last in self._files for name in last)
            self._first = {name: self._first[name] for name in names}
        self._repeated: list[dict[str, list[Definition]]] | None = None

    def __getitem__(self, name: str) -> Definition:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def texts(self) -> dict[str, str]:
        """The text of each name before expansion."""
        return {name: definition.text or "" for name, definition in self._first.items()}

    def raws(self) -> dict[str, str | None]:
        """What is written for each name."""
        return {name: raw for name, (_, _, raw, _) in self._first.items()}

    def repeated(self) -> set[str]:
        """Names with more than one definition."""
        names = {name for listed in self._listed() for name in listed}
        if sum(len(last) for _, _, last in self._files) > len(self._first):
            count = Counter(name for _, _, last in self._files for name in last)
            names.update(name for name, files in count.items() if files > 1)
        return names

    def _listed(self) -> list[dict[str, list[Definition]]]:
        if self._repeated is None:
            self._repeated = [_repeated(definitions, last) for _, definitions, last in self._files]
        return self._repeated

    def chain(self, name: str) -> Chain:
        """All definitions of `name` with their files, the winning one first."""
        chain: Chain = []
        for (path, _, last), repeated in zip(self._files, self._listed(), strict=True):
            if name in repeated:
                chain += [(path, definition) for definition in reversed(repeated[name])]
            elif name in last:
                chain.append((path, last[name]))
        return chain[:_LONGEST_CHAIN]


def _repeated(
    definitions: Sequence[Definition], last: Mapping[str, Definition]
) -> dict[str, list[Definition]]:
    """All definitions of the names that one file defines more than once."""
    if len(definitions) == len(last):
        return {}
    found: dict[str, list[Definition]] = {}
    for definition in definitions:
        if last[definition.name] is not definition:
            found.setdefault(definition.name, []).append(definition)
    for name, listed in found.items():
        listed.append(last[name])
    return found


Chain = list[tuple[Path, Definition]]


class Result(NamedTuple):
    """The text a program ends with; `process` = the exported value was kept (perhaps rewritten)."""

    text: str | None
    process: bool = False
    unknown: str | None = None


NO_SHADOWS: tuple[Shadow, ...] = ()
FROM_PROCESS = Origin(layer=LayerKind.PROCESS)


def value(chain: Chain, result: Result, exported: str | None, references: tuple[str, ...] = ()) -> Value:
    """The value of one name from its definitions, the strongest first, and what the program made of it.

    Args:
        chain: all definitions in files.
        result: the outcome.
        exported: the process environment's text, or None.
        references: names that the effective text refers to.
    """
    if result.process:
        shadows = tuple([_shadow(path, definition) for path, definition in chain])
        return Value(
            text=result.text,
            origin=FROM_PROCESS,
            shadows=shadows,
            references=references,
            unknown=result.unknown,
        )
    path, first = chain[0]
    losers = NO_SHADOWS
    if len(chain) > 1 or exported is not None:
        listed = [_shadow(other, definition) for other, definition in chain[1:]]
        if exported is not None:
            listed.insert(0, Shadow(text=exported, origin=FROM_PROCESS))
        losers = tuple(listed)
    return Value(
        text=result.text,
        origin=Origin(layer=LayerKind.FILE, path=path, line=first.line),
        raw=first.raw,
        shadows=losers,
        references=references,
        unknown=result.unknown,
    )


def _shadow(path: Path, definition: Definition) -> Shadow:
    return Shadow(text=definition.text, origin=Origin(layer=LayerKind.FILE, path=path, line=definition.line))


class Values(Variables):
    """Values that are put together when they are asked for: of a large file, few ever are."""

    def __init__(
        self,
        found: Found,
        results: Mapping[str, Result],
        process: Mapping[str, str],
        referenced: Callable[[str], tuple[str, ...]],
    ) -> None:
        """Values for every name in `results`; `referenced` gives the names that a text refers to."""
        self._found = found
        self._results = results
        self._process = process
        self._referenced = referenced
        self._made: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._make(name, self._results[name])
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def __contains__(self, name: object) -> bool:
        return name in self._results

    def texts(self) -> list[str | None]:
        """See `Variables`."""
        if isinstance(self._results, Results):
            return self._results.texts()
        return [result.text for result in self._results.values()]

    def altered(self) -> set[str]:
        """See `Variables`."""
        raws = self._found.raws()
        texts = dict(zip(self._results, self.texts(), strict=True))
        names = self._found.repeated() | (self._process.keys() & texts.keys())
        if texts != raws or None in texts.values():
            names |= {name for name, text in texts.items() if text is None or raws.get(name) != text}
        return names

    def _make(self, name: str, result: Result) -> Value:
        chain, exported = self._found.chain(name), self._process.get(name)
        source = exported if result.process else chain[0][1].text
        names = self._referenced(source) if source is not None and "$" in source else ()
        return value(chain, result, exported, names)


class Results(Mapping[str, Result]):
    """A result for each name that was found, decided when it is asked for."""

    def __init__(
        self,
        found: Found,
        decide: Callable[[str], Result],
        text: Callable[[str], str | None] | None = None,
    ) -> None:
        """`text` gives the text alone, for many names in less time."""
        self._found = found
        self._decide = decide
        self._text = text

    def texts(self) -> list[str | None]:
        """The text of each name."""
        if self._text is None:
            return [self._decide(name).text for name in self._found]
        return list(map(self._text, self._found))

    def __getitem__(self, name: str) -> Result:
        if name not in self._found:
            raise KeyError(name)
        return self._decide(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def kept(found: Found, process: Mapping[str, str]) -> Results:
    """Results of a program that expands nothing: what is exported stays, else the file's text is set."""

    def decide(name: str) -> Result:
        exported = process.get(name)
        if exported is not None:
            return Result(exported, True)
        return Result(ecmascript.as_exported(found[name].text or ""))

    return Results(found, decide)
