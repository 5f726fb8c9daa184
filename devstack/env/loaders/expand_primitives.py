"""dotenv-expand 1000: another product's primitives. It runs `$(…)`; here that is reported, never done."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping

from devstack.env.loaders import ecmascript
from devstack.env.loaders.expand_loop import NAME, OPERATOR, REFERENCE
from devstack.env.loaders.expand_many import BETWEEN, Known, Simple, is_altered
from devstack.env.loaders.expansion import Endless, Undecided, Work, feeds_itself, is_circle
from devstack.records import dataclass

_SIMPLE = Simple(
    name=NAME,
    operator=":-",
    default=rf"[^{{}}$\\{BETWEEN}]*+",
    bare="(?![0-9])" + NAME,
    anything=re.compile(rf"{REFERENCE.pattern}|\$\("),
)
_COMMAND = re.compile(r"\$\(")
EXECUTES = "its text holds `$(…)`, which dotenv-expand 1000 runs as a command"
ENCRYPTED = "it is encrypted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecidable:
    """Names whose text stays unknown, with the reason, and whether a command is the reason."""

    reasons: Mapping[str, str]
    executes: tuple[str, ...]


def expand_all(parsed: dict[str, str], process: Mapping[str, str]) -> Undecidable:
    """Expand `parsed` in place, in property order.

    Args:
        process: the environment with the files' values already in it.

    Raises:
        Endless: the program does not survive.
    """
    texts = {name: text for name, text in parsed.items() if "$" in text and process.get(name) in ("", text)}
    fixed = {name for name, text in texts.items() if process.get(name) != text}
    simple = _SIMPLE.expanded(texts, Known(parsed, process, fixed=fixed)) if texts else {}
    altered = is_altered(parsed, process) or any(text.startswith("encrypted:") for text in parsed.values())
    if len(simple) == len(texts) and not altered:
        parsed.update(simple)
        return Undecidable(reasons={}, executes=())
    reasons: dict[str, str] = {}
    work = Work(reasons)
    written = dict(parsed)
    running: dict[str, str] = {}
    seen = dict(process)  # what references find: a file's own text gives way to what was made of it
    for name in ecmascript.in_property_order(parsed):
        text = parsed[name]
        exported = process.get(name)
        if exported and exported != text:
            text = exported
        elif text.startswith("encrypted:") and (
            "DOTENV_PRIVATE_KEY" in seen or "DOTENV_PRIVATE_KEY" in running
        ):
            reasons[name] = ENCRYPTED
        elif name in simple:
            text = simple[name]
        elif "$" in text:
            text, reason = _decided(text, ChainMap(seen, running), work)
            reasons.update({name: reason} if reason else {})
        text = text.replace("\\$", "$")
        parsed[name] = running[name] = text
        if seen.get(name) == written[name]:
            del seen[name]
            work.straight.clear()
    executes = tuple(name for name, reason in reasons.items() if reason == EXECUTES)
    return Undecidable(reasons=reasons, executes=executes)


def _decided(text: str, merged: Mapping[str, str], work: Work) -> tuple[str, str | None]:
    """What becomes of `text`, and why that is not known."""
    try:
        text = _expand(text, merged, work)
    except Undecided as reason:
        return text, str(reason)
    return text, EXECUTES if _runs_command(text) else None


def _expand(text: str, merged: Mapping[str, str], work: Work) -> str:
    seen: set[str] = set()
    steps = 0
    work.begin()
    while (found := REFERENCE.search(text)) is not None:
        if text in seen:
            raise Endless
        seen.add(text)
        steps += 1
        name, replacement = _meaning(found.group(1) or found.group(2), merged, work)
        made = ecmascript.replace_first(text, found.group(), replacement)
        if "$" in replacement and feeds_itself(text, made, found.group(), found.start()):
            raise Endless
        text = made
        if is_circle(text, steps, merged.get, work):
            raise Endless
        if text == merged.get(name):
            break
    return text


def _meaning(expression: str, merged: Mapping[str, str], work: Work) -> tuple[str, str]:
    """The name that `expression` looks up, and what the reference is replaced by."""
    operator = OPERATOR.search(expression)
    name, _, rest = expression.partition(operator.group() if operator else "null")
    work.check(name)
    value = merged.get(name)
    meaning = {
        ":-": value or rest,
        "-": rest if value is None else value,
        ":+": rest if value else "",
        "+": "" if value is None else rest,
    }
    return name, meaning[operator.group()] if operator else value or ""


def _runs_command(text: str) -> bool:
    """Whether some `$(` may be closed; how exactly only matters to the program that runs it."""
    found = _COMMAND.search(text)
    return found is not None and ")" in text[found.end() :]
