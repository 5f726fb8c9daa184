"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(given: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The one of `known` that is spelled most like `given`, whatever its case; None when none is near."""
    folded = {_folded(name): name for name in known}
    if not folded:
        return None
    from difflib import get_close_matches

    found = get_close_matches(_folded(given), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def did_you_mean(given: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """ "did you mean `depends_on`?"; `otherwise` when nothing is near."""
    found = nearest(given, known)
    return otherwise if found is None else f"did you mean `{found}`?"


def is_one_slip(left: str, right: str) -> bool:
    """One letter missing, added or changed, two swapped, or another case; other numbers are other names."""
    if left == right or abs(len(left) - len(right)) > 1 or min(len(left), len(right)) < 4:
        return False
    if left.casefold() == right.casefold():
        return True
    start = next(
        (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    one, other = left[start:], right[start:]
    if any(char.isdigit() for char in one[:1] + other[:1]):
        return False
    return (
        one[1:] == other[1:]
        or one[1:] == other
        or one == other[1:]
        or (one[1::-1] == other[:2] and one[2:] == other[2:])
    )


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
