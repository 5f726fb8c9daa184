"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

_SHORTEST = 4  # letters of a name that can be misspelt: below, every two names are near


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


def slip(given: str, known: Iterable[str]) -> str | None:
    """The one of `known` of which `given` is one slip of the finger away, or only another case."""
    return next((name for name in known if _is_slip(_folded(given), _folded(name))), None)


def _is_slip(given: str, meant: str) -> bool:
    """Whether one letter is missing, too many, another one, or stands behind its neighbour; numbers are meant."""
    start = 0
    while given[start : start + 1] == meant[start : start + 1] != "":
        start += 1
    one, other = given[start:], meant[start:]
    if len(meant) < _SHORTEST or one[:1].isdigit() or other[:1].isdigit():
        return False
    is_swapped = one[:2] == other[1::-1] and one[2:] == other[2:]
    return other in (one, one[1:]) or other[1:] in (one, one[1:]) or is_swapped


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
