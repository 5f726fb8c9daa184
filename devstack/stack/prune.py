"""Takes wrong keys out of parsed data, and remembers where the remaining list items stood in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from devstack.stack.validation import Loc


class Remaining:
    """What is left of the file's data; `data` may be read, `drop` takes more out."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data: dict[str, Any] = _copied(data)
        self._dropped: dict[Loc, set[int]] = {}  # list, as in the file → indexes that are gone

    def original(self, loc: Loc) -> Loc:
        """`loc` as it was in the file."""
        found: Loc = ()
        for part in loc:
            if isinstance(part, int):
                for gone in sorted(self._dropped.get(found, ())):
                    part += gone <= part
            found = (*found, part)
        return found

    def drop(self, locs: Iterable[Loc]) -> None:
        """Take out the keys at `locs`, last ones first; where a key is missing, its table goes."""
        ordered = sorted(
            set(locs), key=lambda loc: [(isinstance(part, int), part) for part in loc], reverse=True
        )
        for loc in ordered:
            self._drop_one(loc)

    def _drop_one(self, loc: Loc) -> None:
        for length in range(len(loc), 0, -1):
            holder: Any = self.data
            key = loc[length - 1]
            try:
                for part in loc[: length - 1]:
                    holder = holder[part]
                place = self.original(loc[:length])
                del holder[key]
            except (KeyError, IndexError, TypeError):
                continue
            if isinstance(holder, list):
                self._dropped.setdefault(place[:-1], set()).add(int(place[-1]))
            return


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copied(inner) for inner in value]
    return value
