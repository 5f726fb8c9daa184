"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(given: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The one of `known` that is spelled most like `given`, whatever its case; None when none is near."""
    from difflib import get_close_matches

    folded = {_folded(name): name for name in known}
    found = get_close_matches(_folded(given), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def did_you_mean(given: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """ "did you mean `depends_on`?"; `otherwise` when nothing is near."""
    found = nearest(given, known)
    return otherwise if found is None else f"did you mean `{found}`?"


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
