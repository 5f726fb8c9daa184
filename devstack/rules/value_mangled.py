"""A program surely does not get what was written into its env file.

## Why it matters
A password with `$` loses a part in Next and Vite, a bcrypt hash is torn, a `#` inside a token or URL begins a
comment for JavaScript readers, and backticks are no quotes for Python. Nothing is reported at start; later every
login answers 401 or a socket closes with 1006. Next even rewrites exported variables that a file also declares.

Said only of names that the service reads, that stack.toml speaks of, or that are secret by name.

## Example
```
web/.env   ADMIN_HASH=$2b$10$N9qo8uLOickgx2ZMRZoMye    # Next: empty, Vite: $2b$10
```

## Mending
For Next and Vite write a backslash before each `$` (`\\$2b\\$10\\$…`) if only they read the file; quote values that
hold `#`; prefer generated secrets of letters, digits, `-` and `_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.contract import urls
from devstack.contract.spelling import intended, portable
from devstack.env.model import Environment, LayerKind, Value
from devstack.env.secrets import is_masked, is_secret_name
from devstack.patterns import regex
from devstack.rules import evidence, loader_disagreement, reach
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection

_BARE_REFERENCE = regex(r"(?<!\\)\$(\w+)")
_BRACED = regex(r"\$[{(]")
_HASH = regex(r"\$(?:2[abxy]?|argon2(?:id|i|d)|5|6|y|pbkdf2[\w-]*|scrypt|apr1|1)\$[^\s]*\$?")
# A `#` inside one word; at its beginning only before what is certainly no remark (`#ff8800`, `#7hA…`).
_CUT = regex(r"[^\s#'\"`]+#[^\s]*|#(?:[0-9A-Fa-f]{3,8}|(?=\S*\d)\S{6,})")


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per mangled value."""
    inspection.need_stack()
    for service, name, value in inspection.variables.take(inspection.variables.special):
        what = _mangled(inspection, inspection.environments[service], name, value)
        is_meant = name in inspection.declared(service) or is_secret_name(name)
        if what is None or not (is_meant or name in inspection.read_names(service)):
            continue
        place = inspection.at_origin(value.origin, name)
        if (place.path, place.line) not in inspection.once(loader_disagreement.places):
            yield _finding(inspection, service, name, value, what)


def _mangled(inspection: Inspection, environment: Environment, name: str, value: Value) -> str | None:
    """What the program did to the value, as a sentence; None when it got what was written."""
    if value.unknown is not None or value.text is None:
        return None
    if value.origin.layer is LayerKind.PROCESS:
        return _rewritten(environment, name, value)
    line = evidence.written(inspection, name, value)
    if value.origin.layer is not LayerKind.FILE or line is None:
        return None
    raw, text, written = line.strip(), value.text, intended(line)
    if written == text:
        return _backticks(raw, text)
    if reach.written_with_hash(inspection, name, value) is not None:
        return None  # `url-malformed`: quotes would not mend it
    hashed = _HASH.match(written)
    if hashed and not _BRACED.search(written):
        return "The `$` parts of the hash were taken for variables; what is left is not the hash, so every check fails."
    lost = _lost_reference(inspection, environment, written, text)
    if lost is not None:
        # what follows the `$` of a secret is a piece of the secret
        named = "The text after a `$`" if is_masked(name, written) else f"`${lost}`"
        return f"{named} was taken for a variable, which nothing defines, and replaced by nothing."
    if _CUT.fullmatch(raw) and raw.partition("#")[0].rstrip() == text:
        return "It was cut at `#`: without quotes that begins a comment here."
    return _control_characters(written, text) or _broken_json(written, text)


def _rewritten(environment: Environment, name: str, value: Value) -> str | None:
    exported = environment.process.get(name)
    if exported is None or exported == value.text or "$" not in exported:
        return None
    return (
        "It is exported, and the program's loader ran the exported value through `$` expansion because a file "
        "also declares the name; the exported value held a `$`."
    )


def _lost_reference(inspection: Inspection, environment: Environment, written: str, text: str) -> str | None:
    """The first `$name` that vanished though nobody defines such a variable: it was never meant as one."""
    if _BRACED.search(written):
        return None
    for found in _BARE_REFERENCE.finditer(written):
        name = found[1]
        is_known = environment.get(name) is not None or any(
            name in other.variables for other in inspection.environments.values()
        )
        if not is_known and f"${name}" not in text:
            return name
    return None


def _backticks(raw: str, text: str) -> str | None:
    if len(raw) > 1 and raw[0] == raw[-1] == "`" and text == raw:
        return "Backticks are no quotes for this program: they became part of the value."
    return None


def _control_characters(written: str, text: str) -> str | None:
    if re.match(r"[A-Za-z]:\\", written) and any(char in text for char in "\a\b\f\n\r\t\v"):
        return "Its backslashes were taken for escapes: the path holds control characters now."
    return None


def _broken_json(written: str, text: str) -> str | None:
    plain = written.replace('\\"', '"')
    if plain[:1] not in ("{", "[") or foreign.from_json(plain) is None or foreign.from_json(text) is not None:
        return None
    return "The escaped quotes inside the JSON were not understood: what is left is no JSON."


def _finding(inspection: Inspection, service: str, name: str, value: Value, what: str) -> Finding:
    loader = inspection.environments[service].loader
    line = evidence.written(inspection, name, value)
    written = intended(line or "")
    is_plain = urls.has_scheme(written) and "@" not in written and not is_masked(name, value.text or "")
    got = evidence.shown(inspection, value.text, secret=not is_plain, name=name)
    spelling = portable(written) if line is not None else None
    place = inspection.at_origin(value.origin, name)
    fix = None
    if spelling is not None and value.origin.layer is LayerKind.FILE:
        edit = Edit(kind="set", path=place.path, variable=name, line=place.line, value=written.strip("`"))
        fix = Fix(title="quote the value so that it is read as written", safe=True, edits=(edit,))
    return RULE.finding(
        f"`{name}` does not reach {service} as written: {what} {loader} gives the program {got}.",
        place,
        service=service,
        hint=_hint(loader, written, spelling),
        fix=fix,
    )


def _hint(loader: str, written: str, spelling: str | None) -> str:
    if spelling is not None:
        return (
            "put the value into quotes"
            if spelling[:1] in "\"'" and spelling
            else "write the value without backticks"
        )
    if "$" in written and loader.startswith(("next", "vite", "dotenv-expand")):
        return "write a backslash before each `$` that is meant literally (`\\$`), or use a value without `$`"
    if re.match(r"[A-Za-z]:\\", written):
        return "write `/` for each backslash: Windows takes it, too"
    return "choose a value of letters, digits, `-` and `_`, which every program reads alike"


RULE = Rule(
    id="DS103", name="value-mangled", severity=Severity.ERROR, page=__doc__ or "", check=check, fixable=True
)
