"""Lines of source in reports, with every value that could be a secret masked."""

from __future__ import annotations

import re
from collections.abc import Callable

from devstack.env.redact import without_credentials
from devstack.invisible import INVISIBLE
from devstack.records import dataclass
from devstack.rules.base import Location

LineReader = Callable[[str, int], str | None]
"""Gives line `line` (1-based) of the file `path` as written, or None."""

_ASSIGNMENT = re.compile(r"^(\ufeff?\s*(?:export\s+)?)([^\s=:#'\"]+)(\s*(?:=|:\s))(.*)$")
_LITERAL = re.compile(r"""(["'`])((?:\\.|(?!\1).)*)\1""")
_HARMLESS = re.compile(r"^(?:[A-Z][A-Z0-9_]*|[./@][\w./@-]*|[\w-]{0,5}|\.?env[\w.]*|true|false|[\w-]+:)$")
# A quoted key of an object: words only, because what has digits in it may be a token that something is kept under.
_OBJECT_KEY = re.compile(r"[A-Za-z_$@][A-Za-z_$@./-]{0,39}")
_PLAIN_VALUE = re.compile(
    r"^(?:\d{1,6}|true|false|yes|no|on|off|development|production|test|localhost|)$", re.I
)
# Lines of stack.toml that hold values of variables: the `set` table and its entries.
_HOLDS_VALUES = re.compile(r"\bset\s*=|^\s*[\"']?[A-Z][A-Z0-9_]*[\"']?\s*=")
_INLINE = re.compile(r"\b([A-Z][A-Z0-9_]{2,})=([^\s\"'`]+)")
_YAML = re.compile(r"^(\s*(?:- )?([\w.-]+):\s+)(\S.*)$")
_URL = re.compile(r"^[a-z][a-z0-9+.-]*:/?/?", re.I)
_REFERENCE = re.compile(r"\$\{[^}]*\}|\$\w+")
_KEY = re.compile(r"^\s*([\w-]+)\s*=\s*(.*)$")
_REFERS = re.compile(r"""["'](?:[a-z][a-z0-9_-]{0,15}|[a-z][a-z0-9_-]*:[A-Z][A-Z0-9_|?]*)["']""")
_FLAG = re.compile(r"""(?<![\w-])(--?([A-Za-z][\w-]*)(?:=|\s+)["'\\]*)([^\s"'`\\]+)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One masked line; the caret marks `width` characters from `start`."""

    text: str
    start: int
    width: int


def excerpt(place: Location, read: LineReader, limit: int) -> Excerpt | None:
    """The line that `place` speaks of, at most `limit` characters; None where there is none to show."""
    if place.line is None:
        return None
    raw = read(place.path, place.line)
    if raw is None or not raw.strip():
        return None
    shown = masked_line(place.path, raw.rstrip())
    start, width = _mark(shown, place.variable)
    if len(shown) > limit:
        cut = max(0, min(start - limit // 4, len(shown) - limit + 1))
        shown = ("…" if cut else "") + shown[cut : cut + limit - 2] + "…"
        start = max(0, start - cut + bool(cut))
        width = max(1, min(width, len(shown) - start))
    return Excerpt(text=shown, start=start, width=width)


def masked_line(path: str, line: str) -> str:
    """A line of the file `path`, values that could be secret masked, invisible characters shown."""
    shown = without_credentials(_masked(path, line)).replace("\t", "  ")
    return INVISIBLE.sub(lambda found: f"<U+{ord(found.group()):04X}>", shown)


def _masked(path: str, line: str) -> str:
    name = path.rsplit("/", 1)[-1]
    if name.startswith(".env") or name.endswith((".env", "env.example")) or ".env." in name:
        return _masked_assignment(line)
    if name.endswith((".yaml", ".yml")):
        line = _YAML.sub(lambda found: found[1] + _masked_value(found[2], found[3]), line)
    line = _FLAG.sub(_mask_flag, _INLINE.sub(_mask_inline, line))
    if name.endswith(".toml") and not _HOLDS_VALUES.search(line) and not _is_secret_key(line):
        return _LITERAL.sub(_mask_member, line)
    return _LITERAL.sub(_mask_literal, line)


def _mask_inline(found: re.Match[str]) -> str:
    """`NAME=value` inside a command."""
    return f"{found[1]}={_masked_value(found[1], found[2])}"


def _mask_flag(found: re.Match[str]) -> str:
    """`--token value`, `--password=value`."""
    from devstack.env import secrets

    return f"{found[1]}{_dots(found[3])}" if secrets.is_secret_name(found[2]) else found.group()


def _is_secret_key(line: str) -> bool:
    """`token = "…"`, unless it refers to a group or a variable, as in stack.toml."""
    from devstack.env import secrets

    found = _KEY.match(line)
    return found is not None and secrets.is_secret_name(found[1]) and not _REFERS.match(found[2])


def _mask_member(found: re.Match[str]) -> str:
    """stack.toml holds names and references; a literal member begins with `=`."""
    quote, inner = found.groups()
    return f"{quote}=…{quote}" if inner.startswith("=") else found.group()


def _masked_assignment(line: str) -> str:
    if not line.strip():
        return line
    if line.lstrip("\ufeff \t").startswith("#"):
        return line if "devstack:" in line else re.sub(r"(=\s*).+", r"\1…", line)
    found = _ASSIGNMENT.match(line)
    if found is None and re.match(r"(?:<{7}|={7}|>{7})", line):
        return line
    if found is None:
        return "…"  # a piece of a multi-line value, or junk that may be a value
    before, name, separator, value = found.groups()
    return f"{before}{name}{separator}{_masked_value(name, value)}"


def _masked_value(name: str, value: str) -> str:
    from devstack.env import secrets

    bare = value.strip().strip("\"'`")
    before, after = value[: value.find(bare)], value[value.find(bare) + len(bare) :]
    if secrets.is_secret_name(name) and bare:
        # What looks like a reference may be a piece of a password: only that there is one is shown.
        return f"{before}{'…$…' if _REFERENCE.search(bare) else _dots(bare)}{after}"
    if _PLAIN_VALUE.match(bare):
        return value
    if _URL.match(bare) or re.match(r"^[\w.-]+:\d+(/|$)", bare):
        return value.replace(bare, secrets.mask_url(bare))
    return f"{before}{_dots(bare)}{after}"


def _dots(text: str) -> str:
    """References stay readable: they are names, and often the fault."""
    references = _REFERENCE.findall(text)
    if references:
        return "…".join(["", *references, ""]) if len("".join(references)) < len(text) else text
    return f"{'•' * min(8, max(3, len(text)))} ({len(text)} character{'' if len(text) == 1 else 's'})"


def _mask_literal(found: re.Match[str]) -> str:
    from devstack.env import secrets

    quote, inner = found.groups()
    if _HARMLESS.match(inner) or (_OBJECT_KEY.fullmatch(inner) and _is_key(found)):
        return found.group()
    if _URL.match(inner):
        return f"{quote}{secrets.mask_url(inner)}{quote}"
    return f"{quote}…{quote}"


def _is_key(found: re.Match[str]) -> bool:
    """Whether the literal stands where an object's key does; that of `a ? "x" : b` or `case "x":` does not."""
    begin = max(0, found.start() - 80)  # of a minified line only what stands near
    before = found.string[begin : found.start()].rstrip()
    is_first = before.endswith(("{", ",")) or (begin == 0 and not before)
    return is_first and found.string.startswith(":", found.end())


def _mark(shown: str, variable: str | None) -> tuple[int, int]:
    if variable:
        start = shown.find(variable)
        if start >= 0:
            return start, len(variable)
    indent = len(shown) - len(shown.lstrip())
    return indent, max(1, len(shown) - indent)
