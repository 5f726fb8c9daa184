"""Which programs of a stack read a file, and what each would make of another content."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from devstack.env.loaders.table import loader
from devstack.env.model import Environment, LoadRequest, Value
from devstack.records import dataclass, field
from devstack.stack.model import Stack

_USUAL = ("dotenv", "python-dotenv")  # for a file that no declared service reads


@dataclass(frozen=True, slots=True)
class _Only:
    """A folder in which one file has a given content and nothing else exists."""

    path: Path
    content: bytes

    def read(self, path: Path) -> bytes | None:
        """The content, for the one file."""
        return self.content if path == self.path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReader:
    """One loader on one file, alone and with an empty process environment.

    Attributes:
        name: as shown to people: `web (next@16)`.
        path: as the loader knows it, before links are followed.
    """

    name: str
    pin: str
    path: Path
    mode: str
    prefixes: tuple[str, ...] = field(default=())

    def read(self, content: bytes) -> Mapping[str, Value]:
        """What the program makes of the content."""
        request = LoadRequest(
            folder=self.path.parent,
            mode=self.mode,
            process={},
            reader=_Only(self.path, content),
            files=(self.path,),
            prefixes=self.prefixes,
        )
        return loader(self.pin).load(request).variables


class Readers:
    """Call with an absolute path: the loaders that read it, each once per kind and version."""

    def __init__(self, stack: Stack, environments: Mapping[str, Environment]) -> None:
        self._stack = stack
        self._environments = environments

    def __call__(self, path: Path) -> Sequence[FileReader]:
        """Readers of the file; the usual two where no service reads it (an example file)."""
        found = {reader.pin: reader for reader in self._found(path)}
        if found:
            return tuple(found.values())
        return tuple(FileReader(name=pin, pin=pin, path=path, mode="development") for pin in _USUAL)

    def _found(self, path: Path) -> Iterator[FileReader]:
        real = os.path.realpath(path)  # other than `Path.resolve`, it takes links that lead in a circle
        for name, environment in self._environments.items():
            for layer in environment.layers:
                if layer.path != path and os.path.realpath(layer.path) != real:
                    continue
                for pin in environment.loader.split(" + "):
                    yield FileReader(
                        name=f"{name} ({pin})",
                        pin=pin,
                        path=layer.path,
                        mode=environment.mode,
                        prefixes=environment.prefixes,
                    )
