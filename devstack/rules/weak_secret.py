"""A signing secret is short or has little variety.

## Why it matters
HS256 signs with the secret itself: fewer than 32 bytes can be tried out, and JWT libraries warn or refuse. The
same goes for a long value of one repeated word.

Counted are bytes of the effective value of a `[shared]` secret: always with `min_bytes`, else where a name says
that tokens or sessions are signed with it. Passwords and keys of other parties have rules of their own.

## Example
```
web/.env   JWT_SECRET=secret1      # 7 bytes
```

## Mending
`devstack env rotate GROUP` writes 32 random bytes to all members.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.members import Effective, Provenance
from devstack.contract.spelling import intended
from devstack.env.secrets import placeholder
from devstack.rules import evidence, placeholder_value
from devstack.rules.base import Finding, Rule, Severity
from devstack.rules.signing import how_to_renew, wanted_bytes

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Shared


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per group, at its weakest value."""
    for shared in inspection.need_stack().shared.values():
        weak = []
        for each in inspection.contract.effective_all(shared.members):
            text = each.text or ""
            if each.provenance is not Provenance.ENVIRONMENT or not text or not each.is_known:
                continue
            if _is_torn(inspection, each, text):
                continue
            wanted = wanted_bytes(shared, each.name or "")
            what = None if wanted is None else _weakness(text, wanted)
            if what is not None and not _is_told_elsewhere(inspection, each, text):
                weak.append((each, what))
        if weak:
            found, what = min(weak, key=lambda pair: len(pair[0].text or ""))
            yield _finding(inspection, shared, found, what)


def _is_torn(inspection: Inspection, found: Effective, text: str) -> bool:
    """Whether a loader made something else of what is written: `value-mangled` or `loader-disagreement` say so."""
    line = None if found.value is None else evidence.written(inspection, found.name or "", found.value)
    return line is not None and intended(line) != text


def _weakness(text: str, wanted: int) -> str | None:
    if text.lstrip().startswith("-----BEGIN"):
        return None
    size = len(text.encode("utf-8", "surrogatepass"))
    if size < wanted:
        return f"has {size} byte{'' if size == 1 else 's'} where {wanted} are needed"
    if len(set(text)) < 8:
        return f"has only {len(set(text))} different characters"
    if re.fullmatch(r"(.{1,12}?)\1{2,}.{0,12}", text, re.DOTALL):
        return "repeats one short text"
    return None


def _is_told_elsewhere(inspection: Inspection, found: Effective, text: str) -> bool:
    """A template's text, and a development default used remotely, have findings of their own."""
    judged = placeholder(text, found.name or "")
    if judged is not None and judged.default_of is not None:
        return not _is_development_pair(inspection, found)
    return placeholder_value.is_told(inspection, found)


def _finding(inspection: Inspection, shared: Shared, found: Effective, what: str) -> Finding:
    is_dev = _is_development_pair(inspection, found)
    same = [
        other
        for other in inspection.contract.effective_all(shared.members)
        if other.text == found.text and other.member != found.member and other.is_known
    ]
    tail = (
        " It is the documented pair of `livekit-server --dev` on this machine, so it is only mentioned."
        if is_dev
        else " It can be guessed by trying; some JWT libraries warn, others refuse it."
    )
    return RULE.finding(
        f"The shared secret `{shared.name}` {what} ({evidence.shown(inspection, found.text)}).{tail}",
        evidence.place(inspection, found),
        *(evidence.place(inspection, other) for other in same),
        severity=Severity.INFO if is_dev else Severity.WARNING,
        service=found.service,
        hint=None if is_dev else how_to_renew(shared),
    )


def _is_development_pair(inspection: Inspection, found: Effective) -> bool:
    judged = placeholder(found.text or "", found.name or "")
    environment = inspection.environment(found.service or "")
    if judged is None or judged.default_of is None or environment is None:
        return False
    hosts = [
        urls.parse(value.text).host
        for name, value in environment.variables.items()
        if name.endswith("LIVEKIT_URL") and value.text
    ]
    return all(not urls.is_public(host) for host in hosts)


RULE = Rule(id="DS110", name="weak-secret", severity=Severity.WARNING, page=__doc__ or "", check=check)
