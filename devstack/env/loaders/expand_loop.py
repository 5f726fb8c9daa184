"""dotenv-expand 12 and 13, and the one inside Vite 6-8: replace the first reference and start over."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.env.loaders import ecmascript
from devstack.env.loaders.expand_many import BETWEEN, Known, Simple, is_altered
from devstack.env.loaders.expansion import Endless, Undecided, Work, feeds_itself, is_circle

REFERENCE = re.compile(r"\$(?<!\\\$)(?:\{([^{}]++)\}|([A-Za-z_][A-Za-z0-9_]*))")
OPERATOR = re.compile(r":\+|\+|:-|-")
# Without names that hold the word for nothing, at which the program splits.
NAME = "(?![0-9A-Za-z_]*?null)[0-9A-Za-z_]++"
_SIMPLE = Simple(
    name=NAME,
    operator=":?-",
    default=rf"[^{{}}$\\{BETWEEN}]*+",
    bare="(?![0-9])" + NAME,
    anything=REFERENCE,
)


def expand(text: str, merged: Mapping[str, str], running: Mapping[str, str], work: Work) -> str:
    """`text` with its references resolved; escapes `\\$` are left for the caller.

    Args:
        merged: file values under process values: where names are looked up.
        running: what the program compares its result with in order to stop early.

    Raises:
        Endless: the program never ends. Undecided: it cannot be known.
    """
    seen: set[str] = set()
    steps = repeated = 0
    work.begin()
    while (found := REFERENCE.search(text)) is not None:
        repeated = repeated + 1 if text in seen else 0
        if repeated > len(seen):
            raise Endless
        seen.add(text)
        steps += 1
        template = found.group()
        name, replacement = _meaning(found.group(1) or found.group(2), merged, seen, work)
        made = ecmascript.replace_first(text, template, replacement)
        if "$" in replacement and feeds_itself(text, made, template, found.start()):
            raise Endless
        text = made
        if is_circle(text, steps, merged.get, work):
            raise Endless
        if text == running.get(name):
            break
    return text


def _meaning(expression: str, merged: Mapping[str, str], seen: set[str], work: Work) -> tuple[str, str]:
    """The name that `expression` looks up, and what the reference is replaced by."""
    operator = OPERATOR.search(expression)
    # Without an operator the program splits at null, which JavaScript takes for the word.
    name, _, rest = expression.partition(operator.group() if operator else "null")
    work.check(name)
    value = merged.get(name)
    if operator and "+" in operator.group():
        return name, rest if value else ""
    if value and value not in seen:
        return name, value
    return name, rest


def expand_all(parsed: dict[str, str], process: Mapping[str, str], *, sees_later: bool) -> dict[str, str]:
    """Expand `parsed` in place, in property order; gives the names that stay undecided, with the reason.

    Args:
        sees_later: references find names that come later (Vite), else only those already expanded.

    Raises:
        Endless: the program does not survive.
    """
    texts = {name: text for name, text in parsed.items() if "$" in text}
    altered = is_altered(parsed, process)
    if altered:
        texts = {name: text for name, text in texts.items() if process.get(name) in (None, "", text)}
    simple = _SIMPLE.expanded(texts, Known(parsed, process, fixed=process.keys())) if texts else {}
    if len(simple) == len(texts) and not altered:
        parsed.update(simple)
        return {}
    undecided: dict[str, str] = {}
    work = Work(undecided)
    running: dict[str, str] = parsed if sees_later else {}
    merged = {**running, **process}
    hard = [name for name, text in parsed.items() if "$" in text or name in process] if sees_later else parsed
    for name in ecmascript.in_property_order(hard):
        text = parsed[name]
        exported = process.get(name)
        if exported and exported != text:
            text = exported
        elif name in simple:
            text = simple[name]
        elif "$" in text:
            try:
                text = expand(text, merged, running, work)
            except Undecided as reason:
                undecided[name] = str(reason)
        if "\\" in text:
            text = text.replace("\\$", "$")
        parsed[name] = running[name] = text
        if name not in process and merged.get(name) != text:
            merged[name] = text
            work.straight.clear()
    return undecided


def references(text: str) -> tuple[str, ...]:
    """Names that `text` refers to, in order, each once."""
    found = (match.group(1) or match.group(2) for match in REFERENCE.finditer(text))
    return tuple(dict.fromkeys(OPERATOR.split(expression)[0] for expression in found))
