"""A bundler's configuration copies the environment, or a secret, into the page.

## Why it matters
`define: { 'process.env': process.env }` puts the whole environment of the developer's shell into a file that the
dev server and the build serve to everybody. `env: { JWT_SECRET: process.env.JWT_SECRET }` of next.config inlines
the secret wherever client code names it.

## Example
```
web/vite.config.ts   define: { 'process.env': process.env }
web/next.config.js   env: { JWT_SECRET: process.env.JWT_SECRET }
```

## Mending
Name the few variables that the page needs, each by itself, and none that is secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.env.source import jsconfig
from devstack.patterns import regex
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.exposure import is_exposed_secret
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from pathlib import Path

    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service

_COMMENT = regex(r"/\*.*?\*/|(?<![:'\"])//[^\n]*", re.DOTALL)
_BLOCK = {"vite": regex(r"\bdefine\s*:\s*\{"), "next": regex(r"\benv\s*:\s*\{")}
_WHOLE = regex(
    r"(?:['\"](?:process\.env|import\.meta\.env|__ENV__)['\"]|\b\w+)\s*:\s*"
    r"(?:JSON\.stringify\(\s*)?(process\.env|loadEnv\((?:[^()]|\([^()]*\))*,\s*['\"]{2}\s*\)|\bENV\b)\s*\)?\s*(?=[,}\n])"
    r"|\.\.\.\s*(process\.env)\b(?!\.)"
)
_HANDED_ON = regex(r"\b(?:define|env)\s*:\s*process\.env\s*(?=[,}\n])")
_NAMED = regex(r"(?:process\.env|env)(?:\.([A-Za-z_]\w*)|\[\s*['\"]([A-Za-z_]\w*)['\"]\s*\])")
_WHOLE_VARIABLE = regex(
    r"\b(?:const|let|var)\s+(\w+)\s*=\s*loadEnv\((?:[^()]|\([^()]*\))*,\s*(?:['\"]{2}|\[\s*['\"]{2}\s*\])\s*\)"
)


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per line of a configuration."""
    for service in inspection.need_stack().services.values():
        if service.type not in FRONTENDS:
            continue
        found = jsconfig.of(inspection.need_stack(), service, inspection.files)
        if found is not None:
            yield from _in_config(inspection, service, *found)


def _in_config(inspection: Inspection, service: Service, path: Path, text: str) -> Iterator[Finding]:
    plain = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    whole_names = {found[1] for found in _WHOLE_VARIABLE.finditer(plain)}
    for found in _HANDED_ON.finditer(plain):
        yield _whole(inspection, service, path, plain.count("\n", 0, found.start()) + 1)
    for start, block in _blocks(plain, _BLOCK[service.type.value]):
        for found in _WHOLE.finditer(block):
            yield _whole(inspection, service, path, plain.count("\n", 0, start + found.start()) + 1)
        for name in whole_names:
            handed = re.search(
                rf":\s*(?:JSON\.stringify\(\s*)?{name}\s*\)?\s*(?=[,}}\n])|\.\.\.\s*{name}\b(?!\.)", block
            )
            if handed is not None:
                yield _whole(inspection, service, path, plain.count("\n", 0, start + handed.start()) + 1)
        for found in _NAMED.finditer(block):
            name = found[1] or found[2]
            if is_exposed_secret(name):
                line = plain.count("\n", 0, start + found.start()) + 1
                yield RULE.finding(
                    f"{path.name} copies the secret `{name}` into the page of `{service.name}`: everybody who opens "
                    "it can read the value.",
                    inspection.at(path, line, variable=name),
                    service=service.name,
                    hint="take it out, read it on the server, and replace the secret",
                )


def _blocks(text: str, opening: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Where each block begins and its text, up to the brace that closes it."""
    for found in opening.finditer(text):
        depth = 0
        for at in range(found.end() - 1, len(text)):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            if depth == 0:
                yield found.end() - 1, text[found.end() - 1 : at + 1]
                break


def _whole(inspection: Inspection, service: Service, path: Path, line: int) -> Finding:
    return RULE.finding(
        f"{path.name} copies the whole environment into the page of `{service.name}`, your shell's secrets "
        "included: everybody who opens the page can read it.",
        inspection.at(path, line),
        service=service.name,
        hint="name the few variables that the page needs, each by itself",
    )


RULE = Rule(id="DS303", name="bundler-config-leak", severity=Severity.ERROR, page=__doc__ or "", check=check)
