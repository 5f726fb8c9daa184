"""From definitions and what a program made of them to values with provenance."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from devstack.env.loaders import ecmascript
from devstack.env.loaders.definitions import Definition, Definitions, ParsedFile
from devstack.env.model import LayerKind, Origin, Shadow, Value, Variables

_Text = TypeVar("_Text")
_LONGEST_CHAIN = 100  # definitions of one name that are kept; nobody reads more


class Found(Mapping[str, Definition]):
    """The winning definition of each name, and behind it all others; names in the order of the files' text."""

    def __init__(self, files: Iterable[ParsedFile] = ()) -> None:
        """Take `files` from the strongest to the weakest."""
        self._files = [(file.path, file.definitions, file.definitions.last()) for file in files]
        self._names: Mapping[str, object] = self._files[0][2] if self._files else {}
        if len(self._files) > 1:
            self._names = dict.fromkeys(itertools.chain.from_iterable(last for _, _, last in self._files))
        self._repeated: list[dict[str, list[int]]] | None = None

    def __getitem__(self, name: str) -> Definition:
        for _, definitions, last in self._files:
            if name in last:
                return definitions[last[name]]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._names.keys()

    def texts(self) -> dict[str, str]:
        """The text of each name before expansion."""
        return self._column(Definitions.last_said)

    def raws(self) -> list[str | None]:
        """What is written for each name."""
        if len(self._files) == 1 and len(self._files[0][1]) == len(self._names):
            return self._files[0][1].raws
        return list(self._column(Definitions.last_raws).values())

    def _column(self, of_file: Callable[[Definitions], dict[str, _Text]]) -> dict[str, _Text]:
        """What `of_file` gives for the winning definitions."""
        found: dict[str, _Text] = {}
        for _, definitions, _ in reversed(self._files):
            found.update(of_file(definitions))
        return found if len(self._files) < 2 else {name: found[name] for name in self._names}

    def repeated(self) -> set[str]:
        """Names with more than one definition."""
        names = {name for listed in self._listed() for name in listed}
        if sum(len(last) for _, _, last in self._files) > len(self._names):
            count = Counter(name for _, _, last in self._files for name in last)
            names.update(name for name, files in count.items() if files > 1)
        return names

    def _listed(self) -> list[dict[str, list[int]]]:
        if self._repeated is None:
            self._repeated = [_repeated(definitions.names, last) for _, definitions, last in self._files]
        return self._repeated

    def chain(self, name: str) -> Chain:
        """All definitions of `name` with their files, the winning one first."""
        found: Chain = []
        for (path, definitions, last), repeated in zip(self._files, self._listed(), strict=True):
            places = repeated.get(name) or ([last[name]] if name in last else [])
            found += [(path, definitions[at]) for at in reversed(places[-_LONGEST_CHAIN:])]
        return found[:_LONGEST_CHAIN]


def _repeated(names: Sequence[str], last: Mapping[str, int]) -> dict[str, list[int]]:
    """Where one file defines the names that it defines more than once."""
    if len(names) == len(last):
        return {}
    found: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        if last[name] != at:
            found.setdefault(name, []).append(at)
    for name, places in found.items():
        places.append(last[name])
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
        self._texts: list[str | None] | None = None

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
        if self._texts is None:
            if isinstance(self._results, Results):
                self._texts = self._results.texts()
            else:
                self._texts = [result.text for result in self._results.values()]
        return self._texts

    def altered(self) -> set[str]:
        """See `Variables`."""
        texts, raws = self.texts(), self._found.raws()
        names = self._found.repeated() | (self._process.keys() & self._found.keys())
        if texts != raws or None in texts or not isinstance(self._results, Results):
            written = dict(zip(self._found, raws, strict=True))
            rows = zip(self._results, texts, strict=True)
            names |= {name for name, text in rows if text is None or written.get(name) != text}
        return names

    def _make(self, name: str, result: Result) -> Value:
        definitions, exported = self._found.chain(name), self._process.get(name)
        source = exported if result.process else definitions[0][1].text
        names = self._referenced(source) if source is not None and "$" in source else ()
        return value(definitions, result, exported, names)


class Results(Mapping[str, Result]):
    """A result for each name that was found, decided when it is asked for."""

    def __init__(
        self,
        found: Collection[str],
        decide: Callable[[str], Result],
        texts: Callable[[Iterable[str]], list[str | None]] | None = None,
    ) -> None:
        """`texts` gives the texts alone, for many names in less time."""
        self._found = found
        self._decide = decide
        self._texts = texts

    def texts(self) -> list[str | None]:
        """The text of each name."""
        if self._texts is None:
            return [self._decide(name).text for name in self._found]
        return self._texts(self._found)

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
