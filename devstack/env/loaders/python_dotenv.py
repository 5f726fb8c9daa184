"""python-dotenv: `load_dotenv()`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from devstack.env.model import FileLayer, FileReader, Loaded, LoadRequest
from devstack.records import dataclass

_TRUE = frozenset({"1", "true", "t", "yes", "y"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonDotenv:
    """`load_dotenv()`: the nearest `.env` upward from the calling file."""

    version: str = "1.2"

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"python-dotenv@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply python-dotenv's rules. Many services have no env file: then nothing that reads one is imported."""
        disabled = request.process.get("PYTHON_DOTENV_DISABLED", "").casefold() in _TRUE
        paths = [] if disabled else _paths(request)
        if not any(_is_there(path, request.reader) for path in paths):
            return Loaded(variables={}, layers=tuple(FileLayer(path=path, exists=False) for path in paths))
        from devstack.env.loaders import python_values

        return python_values.loaded(request, paths, current=self.version != "1.1")


def _paths(request: LoadRequest) -> list[Path]:
    """The declared files, or the way up from the folder to the first `.env`."""
    if request.files is not None:
        return list(request.files)
    tried: list[Path] = []
    for folder in chain((request.folder,), request.folder.parents):
        tried.append(folder / ".env")
        if _is_there(tried[-1], request.reader):
            return tried
    return tried[:1]


def _is_there(path: Path, reader: FileReader) -> bool:
    """Whether there is something under this name, perhaps nothing that can be read."""
    try:
        return reader.read(path) is not None
    except OSError:
        return True
