"""What a program that is not among the services would make of one env file, against what is written there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env.model import Loaded, LoadRequest, Value
from devstack.records import dataclass
from devstack.rules.base import Skip

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One variable that the program gets otherwise than every other reader.

    Attributes:
        line: 1-based, in the file.
        how: a phrase that completes "`NAME` …".
    """

    name: str
    line: int | None
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instead:
    """A file reader that gives one text, whatever it is asked for."""

    text: str

    def read(self, path: Path) -> bytes | None:
        """See `FileReader.read`."""
        return self.text.encode("utf-8", "surrogateescape")


def read_with(inspection: Inspection, kind: str, path: Path, text: str | None = None) -> Loaded:
    """What the loader `kind` makes of `path` alone (of `text` in its place), in an empty environment."""
    from devstack.env.loaders.table import loader

    reader = inspection.files if text is None else _Instead(text=text)
    request = LoadRequest(folder=path.parent, mode="development", process={}, reader=reader, files=[path])
    try:
        return loader(kind).load(request)
    except KeyError:
        raise Skip(f"the reader `{kind}` is not modelled") from None


def agreed(inspection: Inspection, path: Path) -> Mapping[str, Value]:
    """Values on which dotenv and python-dotenv agree: what the author surely meant."""
    one = read_with(inspection, "dotenv", path).variables
    other = read_with(inspection, "python-dotenv", path).variables
    return {
        name: value
        for name, value in other.items()
        if name in one and one[name].text == value.text and value.unknown is None
    }


def either(inspection: Inspection, path: Path, name: str) -> set[str]:
    """What dotenv and python-dotenv make of one name."""
    found = (read_with(inspection, kind, path).variables.get(name) for kind in ("dotenv", "python-dotenv"))
    return {value.text for value in found if value is not None and value.text is not None}
