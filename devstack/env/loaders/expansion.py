"""What the expanders have in common: how an evaluation ends when it gives no text, and its bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.env.loaders import ecmascript
from devstack.env.model import LoadIssue
from devstack.patterns import regex

# Work on one file's expansion: characters handled, and a fixed amount for each replacement. Real files need a
# few thousand; what needs more takes the real program seconds as well, and is answered with "unknown".
BUDGET = 4_000_000
_PER_STEP = 100

# Replacements in one text that real files never need; what has not ended by then is looked at for circles.
SUSPICIOUS = 1_000

# Names as all expanders take them: up to what is no letter, and inside braces up to an operator.
_ANY_REFERENCE = regex(r"\$(?=\{?([0-9A-Za-z_]*))(?:\{([^{}:+\-$]+))?")
_BRINGS_BACK = regex(r"\$[&`']")  # replacement patterns of JavaScript that repeat the text around them


class Undecided(Exception):  # noqa: N818 - an answer, not an error
    """The text cannot be known from the files; the argument says why."""


class Overflow(Exception):  # noqa: N818 - what the program does
    """The program recurses until its stack overflows."""


class Endless(Exception):  # noqa: N818 - what the program does
    """The program replaces for ever, until it is killed or out of memory."""


class Work:
    """Counts the characters handled, so that no input takes longer than the budget."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.left = budget

    def spend(self, amount: int) -> None:
        """Take `amount` from the budget; Undecided when it is used up."""
        self.left -= amount + _PER_STEP
        if self.left < 0:
            raise Undecided("so many references that working them out takes too long")


def comes_back(text: str, lookup: Callable[[str], str | None]) -> bool:
    """Whether the references of `text` lead, through the texts of the names, back to a name on the way.

    Args:
        lookup: the unexpanded text of a name.
    """
    if _BRINGS_BACK.search(text):
        return True
    done: set[str] = set()
    way: set[str] = set()
    stack: list[tuple[str, bool]] = [(name, False) for name in _named(text)]
    while stack:
        name, is_left = stack.pop()
        if is_left:
            way.discard(name)
            done.add(name)
            continue
        if name in way:
            return True
        if name in done:
            continue
        written = lookup(name) or ""
        if _BRINGS_BACK.search(written):
            return True
        way.add(name)
        stack.append((name, True))
        stack += [(other, False) for other in _named(written)]
    return False


def _named(text: str) -> list[str]:
    return list(dict.fromkeys(name for names in _ANY_REFERENCE.findall(text) for name in names if name))


class Names:
    """Looks names up the way a plain JavaScript object does, and refuses what is undecided.

    Attributes:
        undecided: names whose text is unknown, with the reason.
    """

    def __init__(self, undecided: Mapping[str, str]) -> None:
        self.undecided = undecided

    def check(self, name: str) -> None:
        """Undecided when looking up `name` gives something that no file says."""
        if name in ecmascript.INHERITED:
            raise Undecided(f"${{{name}}} is the name of a JavaScript built-in")
        if name in self.undecided:
            raise Undecided(f"it refers to {name}, which is unknown: {self.undecided[name]}")


def fatal(problem: Overflow | Endless, path: Path, program: str) -> LoadIssue:
    """What a program that expands all files at once does with references that never end."""
    if isinstance(problem, Overflow):
        message = f"values refer to each other in a circle, so {program} stops with a RangeError"
        return LoadIssue(path=path, line=None, kind="error", message=message, fatal=True)
    message = f"a value brings its own reference back (`$&`, `$$` …), so {program} hangs until memory ends"
    return LoadIssue(path=path, line=None, kind="hang", message=message, fatal=True)
