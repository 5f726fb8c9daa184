"""What the expanders have in common: how an evaluation ends when it gives no text, and its bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

from devstack.env.loaders import ecmascript
from devstack.env.model import LoadIssue
from devstack.patterns import regex

# Work on one file's expansion: characters handled, and a fixed amount for each replacement. Real files need a
# few thousand; what needs more takes the real program seconds as well, and is answered with "unknown".
BUDGET = 3_000_000
_PER_STEP = 400
_PER_NAME = 450  # what a file has for each of its names beside that: large files are no worse for it

# Characters of all expanded values of a file together: where each brings in the one before, they grow without end.
MOST_GROWN = 20_000_000

# Replacements in one text that real files never need; what has not ended by then is looked at for circles.
_SUSPICIOUS = 1_000

_FEW = 8  # references in one text, which are not worth looking for equal ones

# Names as all expanders take them: up to what is no letter, and inside braces up to an operator.
_ANY_REFERENCE = regex(r"\$(?=\{?([0-9A-Za-z_]*))(?:\{([^{}:+\-$]+))?")
_BRINGS_BACK = regex(r"\$[&`']")  # replacement patterns of JavaScript that repeat the text around them


Lookup = Callable[[str], str | None]


class Undecided(Exception):  # noqa: N818 - an answer, not an error
    """The text cannot be known from the files; the argument says why."""


class Overflow(Exception):  # noqa: N818 - what the program does
    """The program recurses until its stack overflows."""


class Endless(Exception):  # noqa: N818 - what the program does
    """The program replaces for ever, until it is killed or out of memory."""


class Work:
    """The expansion of one file: counts the characters handled, so that no input takes longer than the budget.

    Attributes:
        undecided: names whose text is unknown, with the reason.
        straight: names that are known to lead back nowhere, as long as no text changes.
    """

    def __init__(self, undecided: Mapping[str, str]) -> None:
        self.left = BUDGET
        self._room = MOST_GROWN
        self.undecided = undecided
        self.straight: set[str] = set()

    def begin(self) -> None:
        """Another name's text is worked out."""
        self.left += _PER_NAME

    def spend(self, amount: int, step: int = _PER_STEP) -> None:
        """Take `amount` and what a step costs from the budget; Undecided when it is used up."""
        self.left -= amount + step
        if self.left < 0:
            raise Undecided("so many references that working them out takes too long")

    def keep(self, text: str) -> str:
        """The finished `text` of a name; Undecided when all of them together are too long."""
        self._room -= len(text)
        if self._room < 0:
            raise Undecided("references make the values of this file too long")
        return text

    def check(self, name: str) -> None:
        """Undecided when looking up `name`, as in a plain JavaScript object, gives something that no file says."""
        if name in ecmascript.INHERITED:
            raise Undecided(f"${{{name}}} is the name of a JavaScript built-in")
        if name in self.undecided:
            raise Undecided(because_of(name, self.undecided[name]))


def is_circle(text: str, steps: int, lookup: Lookup, work: Work) -> bool:
    """Count a replacement; True where the references of `text` have come back for long.

    Raises:
        Undecided: the budget is gone, and they do not come back.
    """
    try:
        work.spend(len(text))
    except Undecided:
        if comes_back(text, lookup, work):
            return True
        raise
    return steps % _SUSPICIOUS == 0 and comes_back(text, lookup, work)


def comes_back(text: str, lookup: Lookup, work: Work) -> bool:
    """Whether the references of `text` lead, through the texts of the names, back to a name on the way.

    Args:
        lookup: the unexpanded text of a name.
        work: keeps the names that lead nowhere, so that many names in a row are followed once.
    """
    if _BRINGS_BACK.search(text):
        return True
    done = work.straight
    way: set[str] = set()
    stack = [(name, False) for name in _named(text)]
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
        if "$" not in written:
            done.add(name)
            continue
        if _BRINGS_BACK.search(written):
            return True
        way.add(name)
        stack.append((name, True))
        stack += [(other, False) for other in _named(written)]
    return False


def _named(text: str) -> set[str]:
    """The names that `text` refers to; no reference reaches over the next `$`, and of many, most are repetitions."""
    if text.count("$") > _FEW:
        text = "$".join(["", *set(text.split("$")[1:])])
    return {name for name in chain.from_iterable(_ANY_REFERENCE.findall(text)) if name}


def feeds_itself(before: str, after: str, template: str, position: int) -> bool:
    """Whether replacing `template` brought it back in front of `position`, where it is found again and again.

    The programs find a reference at one place and replace the first text that looks like its template: `$A` is also
    the beginning of `$AB`.
    """
    start = before.find(template)
    if start >= position:
        return False
    rest = len(before) - start - len(template)
    return after.find(template, start, len(after) - rest) >= 0


def because_of(name: str, reason: str) -> str:
    """Why what refers to `name` is unknown; at the end of a chain of such names stands the cause."""
    is_chain = reason.startswith("it refers to ")
    return reason if is_chain else f"it refers to {name}, which is unknown: {reason}"


def fatal(problem: Overflow | Endless, path: Path, program: str) -> LoadIssue:
    """What a program that expands all files at once does with references that never end."""
    if isinstance(problem, Overflow):
        message = f"values refer to each other in a circle, so {program} stops with a RangeError"
        return LoadIssue(path=path, line=None, kind="error", message=message, fatal=True)
    message = f"a value brings its own reference back (`$&`, `$$` …), so {program} hangs until memory ends"
    return LoadIssue(path=path, line=None, kind="hang", message=message, fatal=True)
